"""The papers' tables: rows, the ledger of finished ones, and the page.

Imports sweeps, trials and pipeline.
"""

"""Many trials of one parameter file, above models/: sweeps, what a trial does, and the papers' tables.

Imports stages, models and pipeline; only throughline/, benchmarks/ and tests/ import it.
"""

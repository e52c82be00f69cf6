"""Sweeps: definitions, plan, engine, record and output.

Imports trials, stages, models and pipeline.
"""

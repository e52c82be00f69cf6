"""Runs in MLflow, registered models and their export.

Imports artifacts, runtime, params and errors.
"""

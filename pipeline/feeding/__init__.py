"""Samples to batches: clips, order, augmentation and the loader.

Imports files, contract, numerics, artifacts, runtime, params and errors.
"""

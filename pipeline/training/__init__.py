"""Batches to a trained network: the loop, its workers, meters, optimisers and checkpoints.

Imports feeding, files, contract, numerics, artifacts, registry, runtime, params and errors.
"""

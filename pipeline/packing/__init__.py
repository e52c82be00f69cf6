"""Frames and depth to training samples: one row, the size of masks and joints, and shards as units of work.

Imports files, artifacts, params and errors.
"""

"""Frames and depth to training samples: units of work, shards, and what an earlier run left.

Imports files, artifacts, params and errors.
"""

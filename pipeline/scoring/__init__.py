"""Scores: tracking (HOTA, CLEAR, Identity), re-identification retrieval, detection AP, and the tables that show them.

`sequences` reads ground truth and results into one form, from frame files or from anyone's MOTChallenge text.
Imports sources, files, numerics, artifacts, registry, params and errors.
"""

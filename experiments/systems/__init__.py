"""Systems side by side, and what crosses of detectors, embeddings and associations: docs/systems.md.

Imports papers, trials and pipeline.
"""

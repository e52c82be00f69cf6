"""A trial: its recipe, its steps, what its network saw and how that is judged.

Imports stages, models and pipeline, neither sweeps nor papers.
"""

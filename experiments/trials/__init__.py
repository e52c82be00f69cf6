"""A trial: its recipe, its steps, what its network saw and how that is judged.

Imports models and pipeline, neither sweeps nor papers.
"""

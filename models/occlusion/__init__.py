"""Occlusions: labels for training, and evidence for refinding the hidden.

Imports association and pipeline/, no system.
"""

"""The outputs of stages: folders that are published whole, reused, digested, and identified by a fingerprint of what they depend on.

Imports params, runtime and errors.
"""

"""The parameter file as types: its sections, and reading and checking it.

Imports errors alone.
"""

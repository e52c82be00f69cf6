"""The contract: what a model tells the rest, as typed parts.

Imports no other package of this repository at run time.
"""

"""The contract: what a model tells the rest, as typed parts.

Imports nothing of the house.
"""

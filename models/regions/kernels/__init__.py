"""Loops over regions as machine code (pipeline/numerics/jit.py)."""

"""Loops over pixels, as machine code."""

"""Loops over regions that are compiled to machine code (pipeline/compiled.py)."""

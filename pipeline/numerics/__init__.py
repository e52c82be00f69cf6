"""Arithmetic that decides the bytes of results: boxes, precision, compilation and the kernels.

Imports params.
"""

"""What decides bytes: boxes, precision, compilation and the kernels.

Imports params.
"""

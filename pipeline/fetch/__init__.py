"""Public data sets: which there are, downloading and unpacking them.

Imports artifacts, runtime, params and errors.
"""

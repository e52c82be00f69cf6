"""Every file format in one place, one module per format.

Imports artifacts, contract, params and errors.
"""

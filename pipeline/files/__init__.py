"""Every file format in one place, a noun a module.

Imports artifacts, contract, params and errors.
"""

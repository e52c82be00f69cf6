"""What stages leave: folders published whole, reused, digested and named by what they depend on.

Imports params, runtime and errors.
"""

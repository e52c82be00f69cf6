"""One verb per file; its docstring is its help.

Imports anything, but on top of a file only typer, so that help is printed at once.
"""

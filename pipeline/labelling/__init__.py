"""The job of labelling depth: what a backend is, sequences in one scale, windows, accuracy.

Imports files, artifacts, params and errors; never models/: teachers are passed to it as arguments.
"""

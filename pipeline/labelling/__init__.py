"""The job of labelling depth: what a backend is, sequences in one scale, windows, accuracy.

Imports files, artifacts and errors; never models/, whose teachers it is given.
"""

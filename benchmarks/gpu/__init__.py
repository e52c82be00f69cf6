"""What the paper presets cost on a GPU, in one command: `python -m benchmarks gpu`.

Needs torch, numpy, numba, scipy, pydantic and PyYAML alone, and runs on a CPU as well, where it proves that it runs and measures nothing
worth quoting.
"""

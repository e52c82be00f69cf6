"""Benchmarks of the pipeline's steps, beside peers and beside the work that cannot be avoided: `make bench`."""

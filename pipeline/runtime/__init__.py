"""Where work runs: the cluster, its actors, progress, the allocator. Decides no byte, and is a dependency of no stage.

Imports params and errors.
"""

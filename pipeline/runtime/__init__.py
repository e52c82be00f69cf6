"""Where work runs: the cluster, its actors, progress, the allocator.

Nothing here decides the bytes of a result, so the digest of a stage's code leaves it out.

Imports params and errors.
"""

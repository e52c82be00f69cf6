"""Losses over pairs of frames as machine code; their plain equals over whole batches, in PyTorch, are in the modules above."""

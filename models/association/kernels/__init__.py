"""Loops over tracks and detections as machine code; what they mean, and their plain equals in numpy, is in the tests beside."""

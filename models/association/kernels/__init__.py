"""Loops over tracks and detections as machine code; the tests of these files hold the same computations in plain NumPy."""

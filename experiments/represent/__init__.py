"""How good frozen representations are for tracking: nothing is trained, a network's map alone is judged (UniTrack)."""

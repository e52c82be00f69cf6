"""What trackers share: motion, affinity, assignment and the memory between frames. Plain numpy, no network."""

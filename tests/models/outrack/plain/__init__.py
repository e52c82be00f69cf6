"""The trackers as plain numpy, a step an array operation: what the machine code must equal."""

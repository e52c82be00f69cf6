"""Many trained and tracked variants of one parameter file: what a trial is, what it does, and how trials are run side by side."""

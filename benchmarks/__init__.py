"""What the steps cost, beside peers and beside what cannot be avoided: `make bench`."""

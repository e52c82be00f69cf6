"""Runs a sweep: `python -m experiments.sweeps NAME`."""

from experiments.sweeps.command import main

if __name__ == "__main__":
    main()

"""Runs and shows a paper's tables: `python -m experiments.papers N ..`."""

from experiments.papers.command import main

if __name__ == "__main__":
    main()

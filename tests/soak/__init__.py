"""Faults one after the other on a tiny pipeline, each followed by the same command: `make soak`.

It stands among the tests because it judges and times nothing; pytest does not collect it, since it runs for as long as SOAK_MINUTES says.
What came of each fault is kept in docs/faults.json, from which docs/faults.md is written.
"""

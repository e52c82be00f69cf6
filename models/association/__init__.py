"""What trackers share: Kalman filter, assignment, affinity, births and the kernels.

Imports pipeline/ alone, no system.
"""

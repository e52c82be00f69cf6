"""Parts of two-stage detectors: anchors, proposals, sampling, RoIAlign and the heads that read regions; one noun per file.

Imports pipeline/, no system.
"""

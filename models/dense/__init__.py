"""Parts of centre detectors: heads and depth.

Imports backbones and pipeline/, no system.
"""

"""Parts of centre detectors: network, heads, targets, losses, peaks and depth.

Imports backbones, occlusion and pipeline/, no system.
"""

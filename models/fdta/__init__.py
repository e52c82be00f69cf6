"""FDTA: depth, time and identity adapters on Deformable DETR and MOTIP."""

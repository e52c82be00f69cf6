"""Parts of detectors that find objects by queries: deformable attention, encoder and decoder, set matching, Deformable DETR."""

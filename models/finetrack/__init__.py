"""FineTrack (Ren et al. 2023): an embedding that looks at parts, found without labels of masks."""

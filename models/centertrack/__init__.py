"""CenterTrack (Zhou et al. 2020) with OUTrack's occlusion estimation: the frame before as input, displacements, greedy association."""

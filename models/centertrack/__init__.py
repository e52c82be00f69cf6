"""CenterTrack's way of tracking (Zhou et al. 2020) on OUTrack's network: the frame before as input, displacements, greedy association."""

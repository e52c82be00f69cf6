"""OUTrack (Liu et al.): FairMOT's detector, unsupervised re-identification and occlusion estimation."""

"""QDTrack: quasi-dense similarity learning and association by appearance (Pang et al., CVPR 2021)."""

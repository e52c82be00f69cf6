"""UniTrack (Wang et al., NeurIPS 2021): a frozen representation and seven tracking tasks that need no training."""

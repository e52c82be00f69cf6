"""Video Depth Anything: the published network, its tensors named as in the published checkpoints."""

"""Video Depth Anything: the published network, its tensors named as in the published checkpoints, and the backend that runs it."""

from models.teachers.video_depth_anything.backend import build

__all__ = ["build"]

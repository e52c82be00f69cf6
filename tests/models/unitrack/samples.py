"""Small options and batches for tests of UniTrack."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from models.unitrack.options import UnitrackOptions
from pipeline.contract.clips import Batch
from tests.models.outrack import samples


def small_options(tracker: dict[str, Any] | None = None) -> UnitrackOptions:
    """The first layers of the lightest network; of boxes few points are kept."""
    network = {"network": "mobilenet_v2", "layer": "features.4"}
    return UnitrackOptions.model_validate({"network": network, "loss": {}, "tracker": {"region": [2, 3]} | (tracker or {})})


def mixed_batch(options: UnitrackOptions) -> Batch:
    """The images of OUTrack's, and no targets: nothing is trained."""
    clips = samples.mixed_clips()
    images = torch.from_numpy(np.stack([np.stack([f.image for f in clip.frames]) for clip in clips])).permute(0, 1, 4, 2, 3)
    return Batch(images, {}, torch.tensor([clip.same_scene for clip in clips]))

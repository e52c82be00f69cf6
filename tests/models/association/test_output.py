"""What trackers take in."""

from __future__ import annotations

import numpy as np
import pytest

from models.association.output import check, usable_rows
from tests.models.centertrack.scenes import see


def test_boxes_need_a_size_and_the_threshold() -> None:
    seen = see({0: [10, 10, 30, 60], 1: [10, 10, 10, 60], 2: [10, 60, 30, 10], 3: [40, 10, 60, 60]}, scores=[0.9, 0.8, 0.7, 0.4])
    assert usable_rows(seen, 0.4).tolist() == [0, 3]
    assert usable_rows(seen, 0.41).tolist() == [0]


@pytest.mark.parametrize("field", ["boxes", "scores", "embeddings", "displacements", "occlusion_centres"])
def test_a_diverged_network_is_named_with_the_frame(field: str) -> None:
    seen = see({0: [10, 10, 30, 60]}, centres=[[10, 10]])
    if field == "embeddings":
        seen = type(seen)(**vars(seen) | {"embeddings": np.ones((1, 2), np.float32)})
    getattr(seen, field)[:] = np.nan
    with pytest.raises(ValueError, match="frame 7 hold NaN"):
        check(seen, 7)

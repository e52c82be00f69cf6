"""Rows of drawn frames: people, standing things and detections, as a frame file holds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.files.frames import FrameWriter, decode_jpeg, read_frames
from pipeline.files.run_lengths import decode_mask
from pipeline.files.schema import Extras
from pipeline.walkers import labels
from pipeline.walkers.detector import detect
from pipeline.walkers.frame_rows import THINGS, detections, frame_row, people, with_things
from pipeline.walkers.render import render
from pipeline.walkers.scene import sample_sequence
from pipeline.walkers.shape_detector import detect_masks, detect_poses
from tests.pipeline.walkers.settings import section

HEIGHT, WIDTH = 192, 320


def test_a_row_is_read_back_with_things_behind_people(tmp_path: Path) -> None:
    scene = sample_sequence(section(width=WIDTH, height=HEIGHT, frames=2, people=6, occluders=4), 3, "rows", moving=False)
    drawn = next(iter(render(scene, joints=True, things=True)))
    there, rng = labels.kept(drawn.labels), np.random.default_rng(0)
    found = detect(rng, there, scene.camera)
    masks, poses = detect_masks(rng, there, found, HEIGHT, WIDTH), detect_poses(rng, there, found)
    everything = with_things(people(there, HEIGHT, WIDTH), [item.kind for item in scene.occluders], drawn.things, HEIGHT, WIDTH)
    row = replace(frame_row(("d", "s"), 1, 15.0, drawn.image, everything), **detections(found, masks, poses, HEIGHT, WIDTH))
    with FrameWriter(tmp_path / "s.parquet", {"frame_rate": 15.0}, extras=Extras(True, 17, True, True, 17)) as writer:
        writer.write(row)
    (back,) = read_frames(tmp_path / "s.parquet")
    assert drawn.things, "something stands in this scene"
    assert back.objects.identities.tolist() == [*there.identities.tolist(), *(THINGS + thing.number for thing in drawn.things)]
    assert back.objects.categories is not None
    assert back.objects.categories.tolist()[len(there.identities) :] == [scene.occluders[thing.number].kind for thing in drawn.things]
    assert back.objects.masks is not None
    shown = [decode_mask(counts, HEIGHT, WIDTH) for counts in back.objects.masks if counts is not None]
    assert int(np.sum(shown, 0).max()) == 1, "nothing is seen through"
    assert [int(mask.sum()) for mask in shown[-len(drawn.things) :]] == [int(seen.pixels.sum()) for _, seen in drawn.things]
    assert not back.objects.confidences[len(there.identities) :].any(), "things are no pedestrians to score"
    assert back.public_masks is not None
    assert back.public_keypoints is not None
    assert len(back.public_boxes) == len(back.public_masks) == len(back.public_keypoints) == len(found.boxes)
    pixels = decode_jpeg(back.image, "row").astype(int)
    assert float(np.abs(pixels - drawn.image[..., ::-1]).mean()) < 3

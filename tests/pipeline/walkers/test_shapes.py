"""Masks and joints of the walkers: true ones, and those of an imitated detector."""

from __future__ import annotations

import json
from functools import cache

import numpy as np

from pipeline.files.run_lengths import decode_mask
from pipeline.params.classes import CYCLIST
from pipeline.walkers import labels, masks, poses
from pipeline.walkers.detector import Found, detect
from pipeline.walkers.joints import NAMES
from pipeline.walkers.render import Labels, Seen, render
from pipeline.walkers.scene import sample_sequence
from pipeline.walkers.shape_detector import detect_masks, detect_poses
from tests.pipeline.walkers.settings import section

WIDTH, HEIGHT, FRAMES = 320, 192, 8


@cache
def rendered() -> tuple[list[Labels], list[Found]]:
    scene = sample_sequence(section(width=WIDTH, height=HEIGHT, frames=FRAMES, people=6, cyclists=2), 3, "shapes", moving=False)
    truth = [labels.kept(frame.labels) for frame in render(scene, joints=True)]
    rng = np.random.default_rng(0)
    return truth, [detect(rng, there, scene.camera) for there in truth]


def test_true_masks_are_disjoint_and_fill_the_visible_boxes() -> None:
    truth, _ = rendered()
    lines = [line.split() for line in masks.true_masks(truth, HEIGHT, WIDTH).splitlines()]
    for frame, there in enumerate(truth, start=1):
        shown = {int(line[1]): line for line in lines if int(line[0]) == frame}
        visible = there.visible_boxes.any(axis=1)
        assert set(shown) == set(there.identities[visible].tolist())
        total = np.zeros((HEIGHT, WIDTH), int)
        for identity, box, kind in zip(there.identities[visible], there.visible_boxes[visible], there.classes[visible], strict=True):
            line = shown[int(identity)]
            assert line[2:5] == [str(CYCLIST if kind == CYCLIST else 2), str(HEIGHT), str(WIDTH)]
            mask = decode_mask(line[5], HEIGHT, WIDTH)
            rows, columns = np.nonzero(mask)
            assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == box.tolist()
            total += mask
        assert total.max() <= 1


def test_joints_lie_on_their_person_where_they_are_seen() -> None:
    truth, _ = rendered()
    content = json.loads(poses.true_poses(truth, 7))
    assert content["categories"][0]["keypoints"] == list(NAMES)
    assert [image["id"] for image in content["images"]][:2] == [1000007000001, 1000007000002]
    seen = 0
    for frame, there in enumerate(truth, start=1):
        for identity, mask in zip(there.identities, there.masks, strict=True):
            item = next(item for item in content["annotations"] if (item["image_id"] % 1000000, item["track_id"]) == (frame, int(identity)))
            joints = np.array(item["keypoints"]).reshape(17, 3)
            assert not joints[3:5].any()  # ears
            for x, y, _ in joints[joints[:, 2] > 0]:
                assert mask.pixels[int(y) - mask.top, int(x) - mask.left]
                seen += 1
    assert seen > 0.6 * 15 * sum(map(len, (there.identities for there in truth)))


def test_found_masks_follow_the_boxes_of_det_txt_with_moved_edges_misses_and_false_ones() -> None:
    truth, found = rendered()
    rng, overlaps, missed, false = np.random.default_rng(1), [], 0, 0
    for _ in range(6):
        for there, seen in zip(truth, found, strict=True):
            for source, mask in zip(seen.sources, detect_masks(rng, there, seen, HEIGHT, WIDTH), strict=True):
                if mask is None:
                    missed += 1
                    continue
                assert mask.left >= 0
                assert mask.top >= 0
                assert mask.left + mask.pixels.shape[1] <= WIDTH
                assert mask.top + mask.pixels.shape[0] <= HEIGHT
                if source < 0:
                    false += 1
                else:
                    overlaps.append(_iou(mask, there.masks[source]))
    assert missed > 0
    assert false > 0
    assert 0.5 < np.mean(overlaps) < 0.98


def test_found_poses_are_near_the_true_ones_and_numbered_as_det_txt() -> None:
    truth, found = rendered()
    rng = np.random.default_rng(2)
    points = [detect_poses(rng, there, seen) for there, seen in zip(truth, found, strict=True)]
    content = json.loads(poses.found_poses(found, points, 1))
    assert [item["detection"] for item in content["annotations"]] == [k + 1 for seen in found for k in range(len(seen.boxes))]
    away = []
    for there, seen, joints in zip(truth, found, points, strict=True):
        for source, pose in zip(seen.sources, joints, strict=True):
            if source >= 0:
                both = (pose[:, 2] > 0) & (there.keypoints[source][:, 2] > 0)
                away += np.hypot(*(pose[both, :2] - there.keypoints[source][both, :2]).T).tolist()
    assert 0.2 < np.median(away) < 3.0
    assert all(len(item["scores"]) == 17 for item in content["annotations"])


def test_the_same_numbers_give_the_same_text() -> None:
    truth, found = rendered()
    texts = set()
    for _ in range(2):
        rng = np.random.default_rng(5)
        shown = [detect_masks(rng, there, seen, HEIGHT, WIDTH) for there, seen in zip(truth, found, strict=True)]
        texts.add(masks.found_masks(found, shown, HEIGHT, WIDTH))
    assert len(texts) == 1


def _iou(one: Seen, other: Seen) -> float:
    canvases = []
    for mask in (one, other):
        canvas = np.zeros((HEIGHT, WIDTH), bool)
        canvas[mask.top : mask.top + mask.pixels.shape[0], mask.left : mask.left + mask.pixels.shape[1]] = mask.pixels > 0
        canvases.append(canvas)
    return float((canvases[0] & canvases[1]).sum() / (canvases[0] | canvases[1]).sum())

"""Tasks on what is read of the public layouts: the truth of small imitated sets, extracted as any source is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from experiments.represent import followed_masks, followed_poses, joined_instances, joined_poses
from experiments.represent.joined_instances import true_instances
from experiments.represent.shown import Shown, judge
from models.unitrack.network import Representation, build
from models.unitrack.options import RepresentationOptions
from pipeline.artifacts.publication import Publication
from pipeline.files.frames import Frame, Objects, frame_extras, frame_facts
from pipeline.files.run_lengths import encode_mask
from pipeline.params.sections.data import Source
from pipeline.sources import plan_one
from pipeline.sources.extraction import Extraction, perform
from tests.pipeline.imitated import MADE


@pytest.fixture(scope="module")
def network() -> Representation:
    torch.manual_seed(0)
    return build(RepresentationOptions(network="resnet18", layer="layer2"))


def extracted(name: str, folder: Path) -> list[Shown]:
    """The frame files of an imitated set."""
    kind, make = MADE[name]
    source = Source.model_validate({"name": "set", "kind": kind, "root": "", "sequences": None, "images_per_file": 8})
    publication, shown = Publication(folder / "frames", "extract_frames", "a" * 64), []
    for sequence in plan_one(source, make(folder / "set"), strict=True).sequences:
        task = Extraction(publication, sequence, 90, 1.0, True, "code")
        perform(task)
        path = publication.path(task.part)
        assert frame_facts(path)["summary"]["defects"] == []
        shown.append(Shown(path, (1, sequence.frames)))
    return shown


def test_poses_of_posetrack_are_joined_and_handed_on(tmp_path: Path, network: Representation) -> None:
    """Its detector is sure enough of the second person alone, and puts the joints where they are."""
    shown = extracted("PoseTrack 2018", tmp_path)
    joined, followed = judge([joined_poses, followed_poses], shown[:1], network, 0)
    assert (frame_extras(shown[0].frames).keypoints, frame_extras(shown[0].frames).public_keypoints) == (17, 17)
    assert joined["RSM"] == {"MOTA": 50, "IDF1": pytest.approx(100 * 2 / 3), "IDSW": 0}
    assert followed["still"]["people"] == 2


def test_joints_and_masks_of_jhmdb_are_handed_on(tmp_path: Path, network: Representation) -> None:
    """The person moves by one pixel in each frame, and a joint may be 1.8 off: the repeated pose is right in the second frame alone."""
    shown = extracted("JHMDB", tmp_path)
    (joints,), (masks,) = judge([followed_poses], shown, network, 0), judge([followed_masks], shown[:1], network, 0)
    assert joints["still"] == {"PCK@0.1": 50, "PCK@0.2": 100, "people": 2}
    assert joints["propagation"]["people"] == 2
    assert masks["still"]["objects"] == 1
    assert [frame_extras(item.frames).masks for item in shown] == [True, False]


def test_instances_of_youtube_vis_are_joined(tmp_path: Path, network: Representation, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MISSED", "MISTAKEN", "SHIFT"):
        monkeypatch.setattr(joined_instances, name, 0.0)
    (found,) = judge([joined_instances], extracted("YouTube-VIS", tmp_path), network, 0)
    assert found["motion alone"]["classes"] == 2
    assert found["motion alone"]["AP50"] == pytest.approx(100)


def test_who_has_no_identity_is_no_instance() -> None:
    """As a crowd of YouTube-VIS, or what DAVIS does not score."""
    mask, masks = np.ones((16, 16), np.bool_), np.empty(2, object)
    masks[:] = [encode_mask(mask)] * 2
    ones = np.ones(2, np.float32)
    objects = Objects(np.ones((2, 4), np.float32), np.array([-1, 3]), np.ones(2, np.int32), ones, ones, np.array([True, False]), masks)
    identities, _, found = true_instances(Frame("d", "s", 1, 0.0, 16, 16, objects=objects))
    assert (identities, len(found)) == ([3], 1)

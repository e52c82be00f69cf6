"""DAVIS' layout: masks of numbered objects, what is not scored, lists of videos, and images that cannot be used."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.files.indexed_images import read_indexed, write_indexed
from pipeline.files.run_lengths import decode_mask
from pipeline.params.sections.data import Source
from pipeline.sources.davis import plan
from pipeline.sources.planned import Plan
from tests.pipeline.imitated import box, davis
from tests.pipeline.recorded import HEIGHT, WIDTH
from tests.pipeline.sources.mutations import harm_bytes

MASKS = "Annotations/480p/bear"


def planned(root: Path, *, strict: bool = True, sequences: list[str] | None = None) -> Plan:
    return plan(Source(name="set", kind="davis", root="", sequences=sequences, images_per_file=2), root, strict)


def test_masks_and_boxes_by_hand(tmp_path: Path) -> None:
    bear, _ = planned(davis(tmp_path)).sequences
    there = bear.annotation.of(2)
    assert (bear.frames, bear.frame_rate, bear.stated_size) == (3, 24.0, (WIDTH, HEIGHT))
    assert there.identities.tolist() == [1, 2, -1]
    assert there.ignores.tolist() == [False, False, True]
    left, top, width, height = box(2, 2)
    assert there.boxes[1].tolist() == [left, top, left + width, top + height]
    assert there.masks is not None
    assert int(decode_mask(there.masks[1], HEIGHT, WIDTH).sum()) == width * height
    assert bear.annotation.where(4) == f"{MASKS}, image 2: object 2"


def test_lists_of_videos_and_names_are_followed(tmp_path: Path) -> None:
    root = davis(tmp_path)
    assert [sequence.name for sequence in planned(root, sequences=["2017/val"]).sequences] == ["camel"]
    with pytest.raises(UserError, match="no sequence cow; there are bear, camel"):
        planned(root, sequences=["cow"])
    with pytest.raises(UserError, match="no JPEGImages/<video> with Annotations/<video>"):
        planned(root / "ImageSets")


def test_youtube_vos_has_no_resolutions(tmp_path: Path) -> None:
    root = davis(tmp_path)
    for name in ("JPEGImages", "Annotations"):
        (root / name / "480p").rename(root / f"{name}-flat")
        for rest in (root / name).rglob("*"):
            if rest.is_file():
                rest.unlink()
        (root / f"{name}-flat").rename(root / name / "flat")
        for video in (root / name / "flat").iterdir():
            video.rename(root / name / video.name)
        (root / name / "flat").rmdir()
    (root / "JPEGImages" / "Full-Resolution" / "bear").rmdir()
    (root / "JPEGImages" / "Full-Resolution").rmdir()
    assert [sequence.name for sequence in planned(root).sequences] == ["bear", "camel"]


def test_a_frame_without_masks_has_no_object(tmp_path: Path) -> None:
    root = davis(tmp_path)
    (root / MASKS / "00001.png").unlink()
    bear, _ = planned(root).sequences
    assert (bear.frames, len(bear.annotation.of(2))) == (3, 0)


def test_images_of_masks_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    root = davis(tmp_path)
    write_indexed(root / MASKS / "00001.png", np.ones((HEIGHT, WIDTH + 8), np.uint8))
    write_indexed(root / MASKS / "00009.png", np.ones((HEIGHT, WIDTH), np.uint8))
    cv2.imwrite(str(root / MASKS / "00002.png"), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    bear, _ = planned(root, strict=False).sequences
    assert [line.partition(": ")[0] for line in bear.defects] == [f"{MASKS}/{name}.png" for name in ("00001", "00002", "00009")]
    assert set(bear.annotation.frame.tolist()) == {1}
    with pytest.raises(UserError, match=rf"00001\.png: {WIDTH + 8}x{HEIGHT} pixels"):
        planned(root)


def test_a_damaged_image_is_a_users_error_whatever_the_damage(tmp_path: Path) -> None:
    write_indexed(tmp_path / "whole.png", np.tile(np.arange(64, dtype=np.uint8), (48, 1)))
    raw, refused = (tmp_path / "whole.png").read_bytes(), 0
    for number in range(150):
        (tmp_path / "harmed.png").write_bytes(harm_bytes(random.Random(number), raw))
        try:
            read_indexed(tmp_path / "harmed.png")
        except UserError:
            refused += 1
    assert refused > 50

"""QDTrack on rendered pedestrians and cyclists with masks: what samples hold is checked, and reaches the losses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from models.qdtrack.spec import SPEC
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.feeding.checks import check_samples
from pipeline.feeding.loader import Feed, build_loader
from pipeline.files.frames import FrameWriter
from pipeline.params.sections.data import Source
from pipeline.sources import plan
from pipeline.sources.defects import Defects
from pipeline.walkers import tasks
from tests.models.qdtrack.samples import small_options
from tests.pipeline.tiny import settings_of
from tests.pipeline.walkers.settings import tiny
from tests.toys.test_two_classes import extracted, packed, rendered


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("walkers")
    return extracted(rendered(root), root)


def fed(frames: Path, folder: Path, *, masks: bool, **network: Any) -> Feed:
    """The samples of these frames for QDTrack."""
    return as_qdtrack(packed(frames, folder, masks=masks), **network)


def as_qdtrack(feed: Feed, **network: Any) -> Feed:
    """The toy system's feed for QDTrack."""
    settings = feed.settings.model_copy(update={"model": settings_of().model.model_dump()})
    return replace(feed, spec=SPEC, options=small_options(**network), settings=settings)


def test_classes_and_masks_reach_the_losses(frames: Path, tmp_path: Path) -> None:
    feed = fed(frames, tmp_path, masks=True, classes=2, mask_head=True)
    check_samples(feed)
    torch.manual_seed(0)
    assert SPEC.training is not None
    task = SPEC.training.build_task(SPEC.build_network(feed.options), feed.options, feed.system_settings, 0)
    loader, _ = build_loader(feed, rank=0, workers=1, pin_memory=False)
    batch = next(iter(loader))
    assert set(batch.targets["classes"][batch.targets["valid"]].tolist()) == {0, 1}
    assert batch.targets["masks"].any()
    terms = task(batch).terms
    assert terms["mask"] > 0
    assert terms["embed"] > 0


def test_stills_with_cyclists_pretrain(tmp_path: Path) -> None:
    """The renderer writes them as COCO; a source with classes of its own keeps cyclists apart from people and from background."""
    publication = Publication(tmp_path / "walkers", "render_walkers", "0" * 64)
    section = tiny(sequences=0, people=3, cyclists=2, stills_train=8, stills_val=0, width=192, height=128)
    planned = tasks.plan(publication, section, 1)
    for task in planned:
        tasks.perform(task)
    tasks.join_stills(publication, planned)
    root = Path(str(publication.partial)) / "stills"
    source = Source(name="stills", kind="coco", root=str(root), sequences=None, images_per_file=64, classes="own")
    (stills,) = plan([source], data_root="", root=tmp_path, strict=True).sequences
    assert not stills.notes
    with FrameWriter(path := tmp_path / "stills.parquet", {"kind": "stills"}) as writer:
        for frame in stills.read(95, Defects(root, True)):
            assert set(frame.objects.classes[frame.objects.confidences > 0].tolist()) <= {1, 18}
            writer.write(frame)
    feed = as_qdtrack(packed(path, tmp_path / "samples"), classes=2)
    check_samples(feed)
    assert SPEC.training is not None
    task = SPEC.training.build_task(SPEC.build_network(feed.options), feed.options, feed.system_settings, 0)
    loader, _ = build_loader(feed, rank=0, workers=1, pin_memory=False)
    seen = set[int]()
    for batch in loader:
        seen |= set(batch.targets["classes"][batch.targets["valid"]].tolist())
        assert task(batch).total.isfinite()
    assert seen == {0, 1}


def test_what_the_samples_lack_is_refused_before_work(frames: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"classes is 1, but .* holds 2 \(pedestrian, cyclist\)"):
        check_samples(fed(frames, tmp_path / "a", masks=True, classes=1))
    with pytest.raises(UserError, match="holds no masks"):
        check_samples(fed(frames, tmp_path / "b", masks=False, classes=2, mask_head=True))

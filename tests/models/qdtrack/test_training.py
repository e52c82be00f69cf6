"""What a sample of QDTrack is, what training reads of it, and which sample sets are refused."""

from __future__ import annotations

import pytest

from models.qdtrack.training import TRAINING
from pipeline.contract.clips import Needs
from pipeline.contract.spec import SampleFacts
from pipeline.errors import UserError
from tests.models.qdtrack.samples import small_options
from tests.pipeline.tiny import settings_of

FACTS = SampleFacts("data/samples/video", shortest=8, longest=40, identities=9, depth=False, masks=False, classes=("pedestrian", "cyclist"))


def test_pairs_share_an_identity_where_identities_teach() -> None:
    settings = settings_of(max_gap=3, negative_ratio=0.0)
    pair = TRAINING.samples(small_options(), settings, "finetune")
    assert (pair.kind, pair.frames, pair.steps, pair.common_identity, pair.negatives_per_pair) == ("pair", 2, (1, 3), True, 0.0)
    assert not TRAINING.samples(small_options(loss={"reid": "utrack"}), settings, "finetune").common_identity


def test_only_what_teaches_is_read() -> None:
    assert TRAINING.needs(small_options()) == Needs(identities=True)
    assert TRAINING.needs(small_options(mask_head=True, loss={"reid": "utrack"})) == Needs(masks=True)


def test_as_many_classes_as_the_samples_have() -> None:
    TRAINING.check(small_options(classes=2), settings_of(), "finetune", FACTS)
    with pytest.raises(UserError, match=r"model\.network\.classes is 3, but data/samples/video holds 2 \(pedestrian, cyclist\)\nnext: set"):
        TRAINING.check(small_options(classes=3), settings_of(), "finetune", FACTS)


def test_masks_are_not_learnt_from_samples_without_any() -> None:
    options = small_options(classes=2, mask_head=True)
    TRAINING.check(options, settings_of(), "finetune", FACTS._replace(masks=True))
    with pytest.raises(UserError, match=r"model\.network\.mask_head is true, but data/samples/video holds no masks"):
        TRAINING.check(options, settings_of(), "finetune", FACTS)

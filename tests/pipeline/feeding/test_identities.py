"""People have numbers over the whole sample set; boxes of stills are people of their own."""

from pathlib import Path

import numpy as np

from pipeline.feeding.identities import IdentityNumbers
from pipeline.files.sample_store import SampleStore
from tests.pipeline.tiny import write_samples


def test_a_person_of_a_video_has_one_number_in_all_frames(tmp_path: Path) -> None:
    store = SampleStore(write_samples(tmp_path, sequences=2, frames=5))
    numbers = IdentityNumbers(store)
    assert numbers.count == 6
    for row in range(len(store)):
        sequence = int(store.index.sequence[row])
        expected = 3 * sequence + store.row(row).identities - store.row(row).identities.min()
        assert numbers.of(row).tolist() == expected.tolist()


def test_each_box_of_a_still_is_somebody_else(tmp_path: Path) -> None:
    store = SampleStore(write_samples(tmp_path, sequences=2, frames=3, video=False))
    numbers = IdentityNumbers(store)
    assert numbers.count == 18
    assert np.concatenate([numbers.of(row) for row in range(len(store))]).tolist() == list(range(18))


def test_objects_of_classes_that_are_not_learnt_have_no_number(tmp_path: Path) -> None:
    store = SampleStore(write_samples(tmp_path, sequences=1, frames=2))
    assert IdentityNumbers(store, ("cyclist",)).count == 0
    assert IdentityNumbers(store, ("cyclist", "pedestrian")).count == 3

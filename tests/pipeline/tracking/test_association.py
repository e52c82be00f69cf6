"""Result rows, and tracking again from observation files: the same bytes as live, fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel

from models import load as load_spec
from pipeline.artifacts.publication import Publication
from pipeline.contract.tracks import Tracks
from pipeline.errors import UserError
from pipeline.files import mot_text
from pipeline.files.frames import Frame, FrameWriter, Objects, encode_jpeg
from pipeline.files.model_folder import load_model
from pipeline.files.observations import ObservationWriter
from pipeline.files.recovered import read_recovered
from pipeline.files.video import read_video
from pipeline.tracking.association import LEAST_SCORE, ResultRows, associate, load, retrack
from pipeline.tracking.sequences import Job, Outputs, track_sequence
from tests.pipeline import seen
from tests.pipeline.files.test_observations import FACTS, observation
from tests.shared import dataset
from tests.stages.repository import model_folder

GAP = 6  # a frame that the source lost
Shown = tuple[NDArray[np.uint8], NDArray[np.float32]]  # a picture and its public boxes


def tracks(*boxes: tuple[float, float, float, float]) -> Tracks:
    count = len(boxes)
    return Tracks(np.array(boxes, np.float32).reshape(-1, 4), np.arange(1, count + 1), np.ones(count, np.float32), np.arange(count))


def test_rows_are_written_as_motchallenge_text(tmp_path: Path) -> None:
    rows = ResultRows()
    rows.add(9, tracks((1.25, -2.5, 11.25, 27.5), (0, 0, 5, 5)))
    rows.add(10, tracks())
    rows.add(12, tracks((3, 4, 5.5, 6)))
    mot_text.write_results(tmp_path / "a.txt", rows.collect())
    assert (tmp_path / "a.txt").read_text().splitlines() == [
        "9,1,1.25,-2.50,10.00,30.00,1.0000,-1,-1,-1",
        "9,2,0.00,0.00,5.00,5.00,1.0000,-1,-1,-1",
        "12,1,3.00,4.00,2.50,2.00,1.0000,-1,-1,-1",
    ]


def test_boxes_too_thin_for_the_text_are_left_out(tmp_path: Path) -> None:
    rows = ResultRows()
    rows.add(1, tracks((1, 1, 1.001, 9), (1, 1, 3, 9)))
    mot_text.write_results(tmp_path / "a.txt", rows.collect())
    assert mot_text.read_rows(tmp_path / "a.txt", kind="results").identity.tolist() == [2]


def test_no_tracks_at_all_is_an_empty_file(tmp_path: Path) -> None:
    mot_text.write_results(tmp_path / "a.txt", ResultRows().collect())
    assert (tmp_path / "a.txt").read_bytes() == b""


def noise() -> Iterator[Shown]:
    """Noise with people in it; the public boxes lie anywhere."""
    random = np.random.default_rng(0)
    texture = random.integers(0, 256, (90, 160, 3), np.uint8)
    for number in range(1, 13):
        picture = np.roll(texture, 3 * number, axis=1)
        picture[20:80, 5 * number : 5 * number + 20] = seen.RED
        yield picture, random.uniform(0, 60, (40, 4)).astype(np.float32) + np.array([0, 0, 60, 60], np.float32)


def pets() -> Iterator[Shown]:
    """The beginning of a real video, with a real detector's boxes."""
    folder = dataset("PETS09-S2L1")
    public = mot_text.read_rows(folder / "det" / "det.txt", kind="detections")
    for frame in islice(read_video(folder / "vtest.avi"), 12):
        yield frame.image, public.boxes[public.frame == frame.number]


SOURCES: dict[str, Callable[[], Iterator[Shown]]] = {"noise": noise, "pets": pets}


def live(folder: Path, source: str, *, public: bool, system: str = "outrack") -> Job:
    """Track with random weights: many peaks, some below the least score, occlusion centres; a frame is missing."""
    model = model_folder(folder / "model", system=system)
    options = load_spec(system).options.model_validate(load_model(model).options)
    loose = {"detection_threshold": 0.1, "min_area": 0.0, "max_aspect": 100.0, "occlusion_score": 0.1, "refind_threshold": 0.05}
    with FrameWriter(folder / "s.parquet", {}) as writer:
        for number, (picture, boxes) in enumerate(SOURCES[source](), 1):
            height, width = picture.shape[:2]
            if number != GAP:
                writer.write(Frame("d", "s", number, number / 10, width, height, encode_jpeg(picture, 95), Objects(), boxes))
    outputs = Outputs(*(Publication(folder / name, "track", "f" * 12) for name in ("tracks", "observations", "speed")))
    job = Job("s", folder / "s.parquet", 3, 12, 10.0, public, load_spec(system), changed(options, **loose), model, 3, 1, outputs)
    track_sequence(job)
    return job


def changed(options: Any, **tracker: Any) -> BaseModel:
    """Options with changes in the tracker's section."""
    copy: BaseModel = options.model_copy(update={"tracker": options.tracker.model_copy(update=tracker)})
    return copy


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("system", ["outrack", "centertrack"])
def test_tracks_from_the_file_are_those_of_live_tracking(tmp_path: Path, source: str, public: bool, system: str) -> None:
    job = live(tmp_path, source, public=public, system=system)
    text = job.outputs.tracks.path("s.txt").read_bytes()
    observed = job.outputs.observations.path("s.parquet")
    retrack(observed, job.spec, job.options, tmp_path / "again.txt")
    assert text.count(b"\n") > 20
    assert (tmp_path / "again.txt").read_bytes() == text
    sequence = load(observed, job.spec)
    assert (sequence.width, sequence.height, sequence.frame_rate) == ((160, 90, 10.0) if source == "noise" else (768, 576, 10.0))
    for item in sequence.frames:
        assert (item.public is not None) == public
        assert item.detections.scores.min(initial=1) >= LEAST_SCORE
        assert item.detections.occlusion_scores.min(initial=1) >= LEAST_SCORE  # type: ignore[attr-defined]
    assert sum(len(item.detections.occlusion_centres) for item in sequence.frames) > 0  # type: ignore[attr-defined]
    for _ in range(2):
        found = associate(sequence, job.spec, job.options)
        mot_text.write_results(tmp_path / "again.txt", found.collect())
        assert (tmp_path / "again.txt").read_bytes() == text
    frames, identities = found.recovered()
    live_ones = read_recovered(job.outputs.tracks.path("s.recovered.parquet"))
    assert set(zip(frames.tolist(), identities.tolist(), strict=True)) == live_ones


def test_other_thresholds_give_what_live_tracking_with_them_gives(tmp_path: Path) -> None:
    """Only the tracker's options differ; a threshold below the least score finds nothing more."""
    job = live(tmp_path, "noise", public=False)
    before = job.outputs.tracks.path("s.txt").read_bytes()
    for options in ({"detection_threshold": 0.0, "buffer_seconds": 0.2}, {"detection_threshold": 0.5}):
        again = replace(job, options=changed(job.options, **options))
        retrack(job.outputs.observations.path("s.parquet"), job.spec, again.options, tmp_path / "again.txt")
        track_sequence(again)
        assert again.outputs.tracks.path("s.txt").read_bytes() == (tmp_path / "again.txt").read_bytes() != before


def test_absent_frames_advance_the_tracker_without_output(tmp_path: Path) -> None:
    with ObservationWriter(tmp_path / "a.parquet", **FACTS) as writer:
        for frame in (7, 8, 11):
            writer.write(observation(frame, 2, 1))
    trackers: list[seen.CountingTracker] = []
    found = associate(tmp_path / "a.parquet", seen.spec(trackers), seen.Options())
    assert trackers[0].calls == [(2, 1), (2, 2), (0, 0), (0, 0), (2, 2)]
    assert set(found.collect().frame.tolist()) <= {7, 8, 11}
    assert [part.tolist() for part in found.recovered()] == [[8], [2]], "of the rows that are written"


def test_frame_numbers_like_time_stamps_cost_no_time(tmp_path: Path) -> None:
    with ObservationWriter(tmp_path / "a.parquet", **FACTS) as writer:
        for frame in (1, 2_000_000_000):
            writer.write(observation(frame, 2, 1))
    trackers: list[seen.CountingTracker] = []
    associate(tmp_path / "a.parquet", seen.spec(trackers), seen.Options())
    assert len(trackers[0].calls) == 2 + 60 * 12.5, "a minute of 12.5 frames a second"


def test_a_file_without_frames_has_no_tracks(tmp_path: Path) -> None:
    with ObservationWriter(tmp_path / "a.parquet", **FACTS):
        pass
    retrack(tmp_path / "a.parquet", seen.spec(), seen.Options(), tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_bytes() == b""


def test_another_models_file_is_refused(tmp_path: Path) -> None:
    with ObservationWriter(tmp_path / "a.parquet", **FACTS) as writer:
        writer.write(observation(1, 2, 1))
    with pytest.raises(UserError, match="detection_occlusion_centres"):
        load(tmp_path / "a.parquet", load_spec("outrack"))

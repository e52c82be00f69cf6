"""Several classes: each by itself, added up and averaged, against TrackEval; and what does not change where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trackeval

from pipeline.contract.detections import Detections
from pipeline.files.observations import Observation, ObservationWriter
from pipeline.scoring import tables
from pipeline.scoring.by_class import by_class
from pipeline.scoring.network import score_network
from pipeline.scoring.sequences import ScoredSequence, from_text
from pipeline.scoring.tracking import score, score_text
from tests.pipeline.scoring.test_tracking import BOX, FAR, joined, rows, sequence, walk
from tests.pipeline.scoring.text import figures, trackeval_alone, write_lines, write_truth

CLASSES = ("pedestrian", "cyclist", "car")
NUMBERS = {"pedestrian": 1, "cyclist": 18, "car": 3}
NAMES = ("HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDF1", "IDP", "IDR", "IDSW", "MT", "ML", "Frag", "FP", "FN")


def crowd(root: Path, tracks: Path, seed: int, name: str, kinds: dict[int, int]) -> None:
    """Random walks of so many objects of each class, and results with misses, switches, noise and false ones."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    identity = 0
    for kind, count in kinds.items():
        for _ in range(count):
            identity += 1
            place = rng.uniform(0, 500, 2)
            for frame in range(1, 31):
                place = place + rng.normal(0, 4, 2)
                box = [*place.round(2), 40, 80]
                truth.append([frame, identity, *box, 1, kind, 1])
                if rng.random() < 0.8:
                    shown = identity + (100 if rng.random() < 0.05 else 0)
                    found.append([frame, shown, *(np.array(box) + rng.normal(0, 3, 4)).round(2), 0.9, kind, -1, -1])
    write_truth(root, name, truth, 30)
    unique = {(line[0], line[1]): line for line in found}
    write_lines(tracks / f"{name}.txt", list(unique.values()))


@pytest.fixture
def crowds(tmp_path: Path) -> tuple[Path, Path]:
    """Two sequences; cars are in one of them only, and have no result in it."""
    root, tracks = tmp_path / "gt", tmp_path / "tracks"
    crowd(root, tracks, 1, "a", {1: 5, 18: 3})
    crowd(root, tracks, 2, "b", {1: 4, 18: 2, 3: 1})
    lines = [line for line in (tracks / "b.txt").read_text().splitlines() if line.split(",")[7] != "3"]
    (tracks / "b.txt").write_text("\n".join(lines) + "\n")
    return root, tracks


def of_trackeval(crowds: tuple[Path, Path], scratch: Path) -> dict[str, dict[str, Any]]:
    """Its combined result of each class, from files of that class alone, by its plain rules."""
    found = {}
    for name in CLASSES:
        root, tracks = scratch / name / "gt", scratch / name / "tracks"
        for part in ("a", "b"):
            truth, results = crowds[0] / part / "gt" / "gt.txt", crowds[1] / f"{part}.txt"
            for source, target, kind in ((truth, root / part / "gt" / "gt.txt", 1.0), (results, tracks / f"{part}.txt", -1.0)):
                cells = [line.split(",") for line in source.read_text().splitlines()]
                own = [[float(cell) for cell in line] for line in cells if line[7] == str(NUMBERS[name])]
                write_lines(target, [[*line[:7], kind, *line[8:]] for line in own])
        found[name] = trackeval_alone(root, tracks, {"a": 30, "b": 30}, scratch / name, preprocess=False)["COMBINED_SEQ"]
    return found


def test_sums_and_means_over_classes_are_trackevals_to_the_last_digit(crowds: tuple[Path, Path], tmp_path: Path) -> None:
    theirs = of_trackeval(crowds, tmp_path / "scratch")
    ours, remarks = score_text(*crowds, "classes", CLASSES)
    assert remarks == []
    for name in CLASSES:
        expected = figures(theirs[name])
        assert {key: getattr(ours.classes[name], key) for key in NAMES} == {key: expected[key] for key in NAMES}
    assert ours.mean is not None
    metrics = {"HOTA": trackeval.metrics.HOTA(), "CLEAR": trackeval.metrics.CLEAR(), "Identity": trackeval.metrics.Identity()}
    for found, how in ((ours.combined, "combine_classes_det_averaged"), (ours.mean, "combine_classes_class_averaged")):
        parts = {metric: getattr(made, how)({name: theirs[name][metric] for name in CLASSES}) for metric, made in metrics.items()}
        expected = figures(parts | {"Count": {"GT_Dets": 0, "Dets": 0}})
        assert {key: getattr(found, key) for key in NAMES} == {key: expected[key] for key in NAMES}
    assert ours.classes["car"].HOTA == 0
    assert pytest.approx((ours.classes["pedestrian"].HOTA + ours.classes["cyclist"].HOTA) / 3) == ours.mean.HOTA


def test_results_of_another_class_find_nothing() -> None:
    found = score([sequence(walk(), rows(*((frame, 1, BOX) for frame in range(1, 5)), class_id=18))], "classes", ("pedestrian", "cyclist"))
    assert (found.classes["pedestrian"].FN, found.classes["cyclist"].FP, found.combined.MOTA) == (4, 4, -100)


def test_one_class_says_what_the_plain_rules_say_and_nothing_more(crowds: tuple[Path, Path]) -> None:
    alone = [by_class(part, ("cyclist",))["cyclist"] for part in from_text(*crowds)[0]]
    alone = [ScoredSequence(part.name, part.frames, part.truth, part.results.take(part.results.class_id == 18)) for part in alone]
    by_name, plain = score(alone, "classes", ("cyclist",)), score(alone, "none")
    assert by_name == plain
    assert list(tables.document(by_name, "classes")) == ["benchmark", "combined", "sequences"]


def test_a_result_in_an_ignored_region_is_neither_right_nor_wrong() -> None:
    region = rows(*((frame, -1, [480.0, 90.0, 100.0, 120.0]) for frame in range(1, 5)), flag=0, class_id=13, ignore=True)
    truth = joined(walk(), region)
    inside, outside = walk(2, box=FAR), walk(2, box=[300.0, 100.0, 40.0, 80.0])
    assert score([sequence(truth, joined(walk(), inside))], "classes").combined.FP == 0
    assert score([sequence(truth, joined(walk(), outside))], "classes").combined.FP == 4
    # whoever matches an object counts, inside or not
    both = joined(walk(), walk(2, box=FAR), region)
    assert score([sequence(both, joined(walk(), inside))], "classes").combined.MOTA == 100


def test_each_class_has_an_ap_and_the_ap_is_their_mean(tmp_path: Path) -> None:
    truth = joined(walk(), rows(*((frame, 2, FAR) for frame in range(1, 5)), class_id=18))
    boxes = np.array([[100, 100, 140, 180], [500, 100, 540, 180]], np.float32)
    with ObservationWriter(
        tmp_path / "s.parquet", sequence="s", width=640, height=360, frame_rate=10.0, classes=("pedestrian", "cyclist")
    ) as writer:
        for frame in range(1, 5):
            kinds = np.array([0, 1 if frame < 3 else 0], np.int64)  # in two frames the cyclist is taken for a pedestrian
            seen = Detections(boxes, np.array([0.9, 0.8], np.float32), np.zeros((2, 0), np.float32), classes=kinds)
            writer.write(Observation(frame, seen, np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros((0, 0), np.float32)))
    found = ScoredSequence("s", np.arange(1, 5), truth, rows())
    network = score_network([found], tmp_path, "classes", 0.5, ("pedestrian", "cyclist"))
    detection = network.detection
    assert detection.classes["pedestrian"] == (100, 100, 4, 6, {})
    assert detection.classes["cyclist"] == (50, 50, 4, 2, {})
    assert detection[:4] == (75, 75, 8, 8)
    document = tables.document(score([found], "classes", ("pedestrian", "cyclist")), "classes", network)
    assert document["detection"]["classes"]["cyclist"] == {"AP50": 50, "recall": 50, "objects": 4, "detections": 2}
    assert json.dumps(document)

from __future__ import annotations

import configparser
import json

import numpy as np
import pytest

from pipeline.params.classes import CYCLIST, PEDESTRIAN
from pipeline.walkers.detector import Found
from pipeline.walkers.labels import annotation, detections, ground_truth, kept, sequence_facts, summarise
from pipeline.walkers.render import Labels

FRAME = Labels(
    identities=np.array([2, 1]),
    boxes=np.array([[10.0, 20.5, 40.25, 120.0], [-5.0, 30.0, 25.0, 130.0]]),
    visible_boxes=np.array([[10.0, 20.0, 40.0, 120.0], [0.0, 0.0, 0.0, 0.0]]),
    head_boxes=np.array([[20.0, 20.0, 30.0, 32.0], [5.0, 30.0, 15.0, 42.0]]),
    visibilities=np.array([0.4, 0.0]),
    insides=np.array([1.0, 0.9]),
    classes=np.array([PEDESTRIAN, PEDESTRIAN]),
    masks=np.array([None, None]),
    keypoints=np.zeros((2, 17, 3)),
)
EMPTY = FRAME.take(np.zeros(0, np.int64))


def test_ground_truth_has_nine_columns_sorted_by_identity_then_frame() -> None:
    text = ground_truth([FRAME, EMPTY, FRAME])
    assert text.splitlines() == [
        "1,1,-5.00,30.00,30.00,100.00,1,1,0.00",
        "3,1,-5.00,30.00,30.00,100.00,1,1,0.00",
        "1,2,10.00,20.50,30.25,99.50,1,1,0.40",
        "3,2,10.00,20.50,30.25,99.50,1,1,0.40",
    ]


def test_detections_have_no_identity_and_ten_columns() -> None:
    nothing = Found(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
    one = Found(np.array([[1.0, 2.0, 4.0, 8.0]]), np.array([0.75]), np.array([PEDESTRIAN]), np.array([0]))
    assert detections([nothing, one]) == "2,-1,1.00,2.00,3.00,6.00,0.7500,-1,-1,-1\n"
    assert detections([one, one._replace(classes=np.array([CYCLIST]))]).splitlines() == [
        "1,-1,1.00,2.00,3.00,6.00,0.7500,1,-1,-1",
        "2,-1,1.00,2.00,3.00,6.00,0.7500,18,-1,-1",
    ]


def test_only_who_has_a_quarter_of_the_body_in_the_image_counts() -> None:
    assert kept(FRAME._replace(insides=np.array([0.2, 0.3]))).identities.tolist() == [1]


def test_sequence_facts_are_an_ini_file() -> None:
    parser = configparser.ConfigParser()
    parser.read_string(sequence_facts("walkers-01", 15.0, 60, 640, 360))
    assert parser["Sequence"]["frameRate"] == "15"
    assert parser["Sequence"]["seqLength"] == "60"


def test_annotation_is_a_crowdhuman_line() -> None:
    line = annotation("train-000001", FRAME)
    assert line.endswith("}\n")
    assert line.count("\n") == 1
    record = json.loads(line)
    assert record["ID"] == "train-000001"
    first, second = record["gtboxes"]
    assert first["tag"] == "person"
    assert first["fbox"] == [10, 20, 30, 100]
    assert first["extra"] == {"box_id": 0, "occ": 1, "ignore": 0}
    assert second["vbox"] == [0, 0, 0, 0]
    assert second["extra"]["ignore"] == 1


def test_summary_counts_boxes_and_identities() -> None:
    summary = summarise([ground_truth([FRAME]), ground_truth([EMPTY])], 2)
    assert summary is not None
    assert (summary.boxes, summary.identities, summary.people_per_frame) == (2, 2, 1.0)
    assert summary.boxes_half_occluded == 1.0
    assert summary.boxes_hidden == pytest.approx(0.5)
    assert summarise([""], 1) is None

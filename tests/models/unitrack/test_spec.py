"""UniTrack in the stages: boxes in, half-precision columns kept, the same tracks again from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import stages
from models.unitrack.network import build_network
from models.unitrack.options import UnitrackOptions
from models.unitrack.spec import SPEC
from pipeline.artifacts import code as closure
from pipeline.artifacts.publication import Publication
from pipeline.errors import UserError
from pipeline.files import model_folder
from pipeline.files.frames import FrameWriter
from pipeline.files.observations import read_sequence
from pipeline.tracking.association import retrack
from pipeline.tracking.sequences import Job, Outputs, track_sequence
from tests.models.unitrack.samples import small_options
from tests.parameters import walkers, write_params
from tests.shared import ROOT
from tests.stages.repository import HEIGHT, WIDTH, frame


def _job(folder: Path, **given: object) -> Job:
    """Six frames of one person, whose public boxes are the true ones."""
    with FrameWriter(folder / "s.parquet", {}) as writer:
        for number in range(1, 7):
            writer.write(frame("s", number))
    options = small_options()
    torch.manual_seed(0)
    model_folder.save(build_network(options), folder / model_folder.WEIGHTS)
    card = model_folder.ModelCard("unitrack", options.model_dump(mode="json"), WIDTH, HEIGHT, "m")
    card.write(folder / model_folder.CARD)
    outputs = Outputs(*(Publication(folder / name, "track", "f" * 12) for name in ("tracks", "observations", "speed")))
    job = Job("s", folder / "s.parquet", 1, 6, 10.0, False, SPEC, options, folder, 4, 1, outputs)
    return replace(job, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["oracle", "public", "file"])
def test_given_boxes_become_one_track_and_the_same_bytes_again(tmp_path: Path, given: str) -> None:
    lines = [f"{number},-1,{8 * number},20,20,60,0.9" for number in range(1, 7)]
    (tmp_path / "det.txt").write_text("\n".join(lines) + "\n")
    job = _job(tmp_path, **({"given": tmp_path / "det.txt"} if given == "file" else {given: True}))
    track_sequence(job)
    text = job.outputs.tracks.path("s.txt").read_text()
    assert [line.split(",")[:2] for line in text.splitlines()] == [[str(number), "1"] for number in range(1, 7)]
    observed = job.outputs.observations.path("s.parquet")
    looks = [item.detections.looks for item in read_sequence(observed, SPEC.detection.kind).frames]
    assert {(look.dtype, look.shape) for look in looks} == {(np.dtype(np.float16), (1, 6, 32))}
    retrack(observed, SPEC, job.options, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_text() == text


def test_other_thresholds_of_the_tracker_take_what_was_kept() -> None:
    """Only which points are kept changes an observation; what associates is no code that it depends on."""
    assert set(SPEC.detection.decodes_with(small_options())) == {"similarity", "region"}
    seen = closure.sources(("models/unitrack/detection.py",), ROOT)
    assert not {"models/unitrack/tracker.py", "models/unitrack/track_memory.py", "models/association/rsm.py"} & set(seen)
    trained = closure.sources(("models/unitrack/training.py",), ROOT)
    assert "models/unitrack/network.py" in trained
    assert "models/unitrack/decode.py" not in trained


@pytest.mark.parametrize(
    ("layer", "message"),
    [("layer9", "resnet18 has no layer layer9; it has stem"), ("layer1", "layer1 has a map of 1/4 of the image, not of 1/8")],
)
def test_a_layer_that_cannot_be_used_is_a_users_mistake(layer: str, message: str) -> None:
    options = UnitrackOptions.model_validate({"network": {"network": "resnet18", "layer": layer}, "loss": {}, "tracker": {}})
    with pytest.raises(UserError, match=f"model.network.layer: .*{message}.*\nnext: "):
        build_network(options)


def test_private_detections_are_refused_before_any_work(tmp_path: Path) -> None:
    raw = walkers()
    raw["model"] = {"name": "unitrack", **small_options().model_dump(mode="json")}
    raw |= {stage: raw[stage] | {"model": {}} for stage in ("pretrain", "finetune")}
    write_params(tmp_path / "params.yaml", raw)
    with pytest.raises(UserError, match=r"track\.detections: private asks unitrack .* it detects nothing"):
        stages.check(tmp_path / "params.yaml")

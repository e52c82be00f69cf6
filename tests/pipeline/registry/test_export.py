"""A registered version, loaded by MLflow where this repository is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import load as load_spec
from pipeline.files import model_folder as weights
from pipeline.files.appearance import LearntFrom
from pipeline.files.video import VideoWriter
from pipeline.params.sections.common import Mlflow
from pipeline.registry import registry
from pipeline.registry.export import describe
from pipeline.registry.runs import started
from tests.pipeline.seen import picture
from tests.stages.repository import model_folder, small_options

# A stranger's process: the repository's packages cannot be imported, nor what trains; its own `models` and `pipeline` are something else.
STRANGER = """
import sys, types
ABSENT = {"throughline", "stages", "experiments", "ray", "dvc", "optuna", "matplotlib", "upath"}
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ABSENT:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
sys.modules["models"] = sys.modules["pipeline"] = types.ModuleType("a stranger's")
import json, mlflow, numpy as np
from mlflow.pyfunc.scoring_server import invocations
store, video, frames = sys.argv[1:]
mlflow.set_tracking_uri(store)
model = mlflow.pyfunc.load_model("models:/outrack@latest")
images = np.load(frames)
tables = [model.predict(images), model.predict(video), model.predict([video])]
body = json.dumps({"inputs": images.tolist()})
answer = invocations(body, "application/json", model, model.metadata.get_input_schema())
wrong = ""
try:
    model.predict(images.astype("float32"))
except ValueError as error:
    wrong = str(error)
print(json.dumps({
    "rows": [table.to_dict("records") for table in tables], "types": [str(kind) for kind in tables[0].dtypes],
    "columns": list(tables[0].columns), "served": json.loads(answer.response), "wrong": wrong}))
"""


@pytest.mark.slow
def test_a_version_tracks_where_this_repository_is_not(tmp_path: Path) -> None:
    folder, store = model_folder(tmp_path / "model"), f"sqlite:///{tmp_path}/mlflow.db"
    card = folder / "model.json"
    card.write_text(card.read_text().replace('"detection_threshold": 0.4', '"detection_threshold": 0.0'))
    network = load_spec("outrack").build_network(small_options())
    weights.load(network, folder / weights.WEIGHTS)
    with started(Mlflow(tracking_uri=store, experiment="e", system_metrics=False), tmp_path, stage="finetune", tags={}) as run:
        registry.register(network.eval(), folder, np.zeros((1, 3, 96, 128), np.float32), name="outrack", tags={}, run=run)
    images = [picture(128, 96, (x, 20, x + 20, 80)) for x in range(4)]
    with VideoWriter(tmp_path / "my.mp4", 10) as writer:
        for image in images:
            writer.write(image)
    np.save(tmp_path / "frames.npy", np.stack(images))
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, store, str(tmp_path / "my.mp4"), str(tmp_path / "frames.npy")],
        capture_output=True, text=True, timeout=200, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    of_frames, of_video, of_list = found["rows"]
    assert found["columns"] == ["frame", "identity", "x1", "y1", "x2", "y2", "score"]
    assert found["types"] == ["int64"] * 2 + ["float64"] * 5
    assert {row["frame"] for row in of_frames} <= {1, 2, 3, 4}
    assert of_video == of_list
    assert found["served"] == {"predictions": of_frames}
    assert "expected frames (N, H, W, 3) of uint8" in found["wrong"]
    kept = [path for path in (tmp_path / "mlruns").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in kept) < (folder / weights.WEIGHTS).stat().st_size + 1_200_000


def test_the_description_says_what_was_seen(tmp_path: Path) -> None:
    seen = LearntFrom({"walkers": 450}, 6, (0.05, 0.18), (0.012, 0.038), (0.1, 0.4))
    weights.ModelCard("outrack", {}, 448, 256, "f", ("pedestrian", "cyclist"), seen).write(tmp_path / "model.json")
    text = describe(tmp_path, "outrack")
    assert "a tracker of pedestrian, cyclist" in text
    assert "Input 448x256" in text
    assert "walkers (450 frames); sequences: 6" in text
    assert "| contrast | 0.050 | 0.180 |" in text
    weights.ModelCard("unitrack", {}, 448, 256, "f").write(tmp_path / "model.json")
    assert "Nothing is known of what it learnt from" in describe(tmp_path, "unitrack")

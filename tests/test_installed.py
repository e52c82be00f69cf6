"""What `pip install .` gives without this repository: one package, and few others needed for tracking and scoring."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.pipeline.seen import picture
from tests.shared import ROOT

CORE = {"throughline", "torch", "numpy", "numba", "scipy", "cv2", "av", "pyarrow", "pydantic", "yaml", "safetensors", "fsspec"}
CORE |= {"typer", "rich"}
ABSENT = ("pipeline", "models", "stages", "experiments", "ray", "dvc", "mlflow", "optuna", "upath", "ruamel", "pycocotools", "matplotlib")
ABSENT += ("psutil", "transformers", "s3fs", "boto3", "pandas", "lap")
# blocks what a core installation lacks, and the repository's own names, then runs a command line or a script
ALONE = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path[:] = [Absent()] + [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path[:] = [sys.argv[1]] + [path for path in sys.path if path and path != {str(ROOT)!r}]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that a wheel holds."""
    folder = tmp_path_factory.mktemp("installed")
    words = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder


def alone(installed: Path, folder: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, with the installed files and the core's packages."""
    environment = {**os.environ, "PYTHONPATH": "", "MLFLOW_TRACKING_URI": "", "XDG_CACHE_HOME": str(installed / "cache")}
    command = [sys.executable, "-P", "-c", ALONE + code, str(installed), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment)


def command(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The `throughline` command there."""
    return alone(installed, folder, "from throughline.main import main; main(sys.argv[2:])", *words)


def test_one_package_holds_all_code_and_tables(installed: Path) -> None:
    assert [path.name for path in installed.iterdir() if path.name != "cache"] == ["throughline"]
    for package in ("pipeline", "models", "stages", "experiments", "throughline"):
        for path in (ROOT / package).rglob("*"):
            if path.suffix in (".py", ".yaml", ".typed") and "__pycache__" not in path.parts:
                name = path.relative_to(ROOT)
                assert (installed / ("" if package == "throughline" else "throughline") / name).is_file(), name


def test_the_core_is_what_pyproject_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = {"opencv-python-headless": "cv2", "pyyaml": "yaml"}
    assert {modules.get(name, name) for name in project["dependencies"]} | {"throughline"} == CORE
    assert set(project["optional-dependencies"]) == {"train", "depth", "s3", "dev"}


def test_scores_and_data_sets_are_read_without_a_repository(installed: Path, tmp_path: Path) -> None:
    line = "{},1,10,20,30,40,1,1,1\n"
    (tmp_path / "gt" / "a" / "gt").mkdir(parents=True)
    (tmp_path / "gt" / "a" / "gt" / "gt.txt").write_text("".join(map(line.format, (1, 2))))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.txt").write_text("".join(f"{frame},7,10,20,30,40,0.9,-1,-1,-1\n" for frame in (1, 2)))
    done = command(installed, tmp_path, "evaluate", "--gt", "gt", "--tracks", "own", "--benchmark", "none", "--out", "scores")
    assert done.returncode == 0, done.stderr
    assert '"HOTA": 100.0' in (tmp_path / "scores" / "metrics.json").read_text()
    inspected = command(installed, tmp_path, "inspect", "gt")
    assert inspected.returncode == 0, inspected.stderr
    fetched = command(installed, tmp_path, "fetch", "NoSuchSet")
    assert (fetched.returncode, "no such data set; there are" in fetched.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sweep", "tracker"), "works on the pipeline of a checkout"),
        (("registry", "list"), "this needs mlflow, which is not installed\nnext: pip install 'throughline[train]'"),
    ],
)
def test_what_the_core_lacks_is_named(installed: Path, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    done = command(installed, tmp_path, *words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr


@pytest.mark.slow
def test_a_video_is_tracked_without_a_repository(installed: Path, tmp_path: Path) -> None:
    from pipeline.files.video import VideoWriter
    from tests.stages.repository import model_folder

    with VideoWriter(tmp_path / "my.mp4", 10) as writer:
        for x in range(4):
            writer.write(picture(128, 96, (x, 20, x + 20, 80)))
    model_folder(tmp_path / "model")
    done = command(installed, tmp_path, "track", "--model", "model", "--video", "my.mp4", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["out/my.txt", "out/my.mp4"]
    code = "import numpy as np\nfrom throughline import Tracker\nprint(Tracker.load('model')(np.zeros((96, 128, 3), np.uint8)).boxes.shape)"
    assert alone(installed, tmp_path, code).stdout.strip().endswith(", 4)")

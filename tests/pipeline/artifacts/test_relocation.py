"""Code below another package: what its import statements say then, and which files it takes along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.artifacts.relocation import reached, relocated, write_package
from tests.shared import ROOT


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from models import load\n", "from p.models import load\n"),
        ("from pipeline.files.video import (\n    probe,\n)\n", "from p.pipeline.files.video import (\n    probe,\n)\n"),
        ("    # a comment\nimport models\n".lstrip(), "# a comment\nfrom p import models\n"),
        ("import models as m\n", "from p import models as m\n"),
        ("import pipeline.files.video as v\n", "from p.pipeline.files import video as v\n"),
        ("def f():\n    from stages.track import track\n", "def f():\n    from p.stages.track import track\n"),
        ('é = "é"; from models import load\n', 'é = "é"; from p.models import load\n'),  # columns count bytes
        ("from throughline.tracker import Tracker\n", "from p.throughline.tracker import Tracker\n"),
        ("import numpy as np\nfrom modelspace import x\n", "import numpy as np\nfrom modelspace import x\n"),  # another's names
        ('text = "from models import load"\n', 'text = "from models import load"\n'),  # no statement
    ],
)
def test_import_statements_alone_change(before: str, after: str) -> None:
    assert relocated(before, "p") == after


def test_in_a_wheel_the_face_keeps_its_name() -> None:
    assert relocated("from throughline import where\nfrom models import load\n", "throughline") == (
        "from throughline import where\nfrom throughline.models import load\n"
    )


@pytest.mark.parametrize("statement", ["import pipeline.files", "import os, models"])
def test_an_import_whose_name_would_be_lost_is_refused(statement: str) -> None:
    with pytest.raises(ValueError, match="line 1: write `from"):
        relocated(f"{statement}\n", "p")


def test_files_are_reached_through_functions_but_not_for_types_alone(tmp_path: Path) -> None:
    for name, text in {
        "models/__init__.py": "",
        "models/a.py": "if TYPE_CHECKING:\n    from models.types import T\ndef f():\n    from models.b import g\n",
        "models/b.py": "import numpy\n",
        "models/types.py": "",
        "models/other.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert reached(["models/a.py"], tmp_path) == ["models/__init__.py", "models/a.py", "models/b.py"]


def test_a_package_of_its_own_runs_beside_a_strangers_names(tmp_path: Path) -> None:
    package = write_package(["pipeline/scoring/assignment.py"], ROOT, tmp_path, "mine")
    assert package == write_package(["pipeline/scoring/assignment.py"], ROOT, tmp_path, "mine"), "named by its contents"
    for stranger in ("models", "pipeline", "stages"):
        (tmp_path / f"{stranger}.py").write_text("VALUE = 'a stranger'\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport models, pipeline\nfrom {package}.pipeline.scoring import assignment\n"
        "assert models.VALUE == pipeline.VALUE == 'a stranger'\nprint(assignment.__name__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"{package}.pipeline.scoring.assignment", done.stderr

"""The code digest follows imports from entry points and reads meaning, not layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.artifacts import code as closure

ROOT = Path(__file__).resolve().parents[3]
TRAINING, DETECTION, ASSOCIATION = (f"models/outrack/{part}.py" for part in ("training", "detection", "association"))


def test_training_depends_on_losses_but_not_on_the_tracker() -> None:
    trained = closure.sources(("stages/finetune.py", TRAINING), ROOT)
    assert {"models/outrack/loss.py", "models/outrack/targets.py", "models/backbones/dla.py"} <= set(trained)
    # the options of the tracker are in the file of all options; nothing that associates is
    assert [name for name in trained if name.startswith("models/association/")] == [
        "models/association/__init__.py",
        "models/association/options.py",
    ]
    assert not [name for name in trained if Path(name).stem in ("tracker", "decode") or "centertrack" in name]


def test_what_the_network_sees_does_not_depend_on_the_tracker() -> None:
    seen = set(closure.sources(("stages/track.py", DETECTION), ROOT))
    assert {"models/outrack/decode.py", "models/outrack/network.py", "models/dense/peaks.py"} <= seen
    assert {"models/centertrack/memory.py", "models/dense/peaks.py"} <= set(closure.sources(("models/centertrack/detection.py",), ROOT))
    assert not seen & {"models/outrack/tracker.py", "models/occlusion/evidence.py"}


def test_tracks_depend_on_the_tracker() -> None:
    tracked = set(closure.sources(("stages/track.py", DETECTION, ASSOCIATION), ROOT))
    assert {"models/outrack/tracker.py", "models/occlusion/evidence.py", "models/association/kernels/kalman.py"} <= tracked


CODE = '"""Doc."""\n\nimport os\n\n\nclass A:\n    """Doc."""\n\n    def f(self, x):\n        """Doc."""\n        return x + 1  # why\n'


@pytest.mark.parametrize(
    ("edit", "same"),
    [
        (("# why", "# another reason"), True),  # a comment
        (('"""Doc."""', '"""Other words."""'), True),  # docstrings of module, class and function
        (("return x", "\n\n        return x"), True),  # blank lines
        (("x + 1", "(x +\n            1)"), True),  # layout
        (("x + 1", "x + 2"), False),  # a number
        (("def f(self, x)", "def f(self, x=0)"), False),  # a default
        (("return x + 1", "return '''Doc.'''"), False),  # a string that is a value
        (("import os", "import sys"), False),  # an import
    ],
)
def test_a_digest_reads_meaning_and_not_layout(edit: tuple[str, str], same: bool) -> None:
    changed = CODE.replace(*edit)
    assert changed != CODE
    assert (closure.meaning(changed) == closure.meaning(CODE)) is same


def test_packages_around_a_module_and_relative_imports_are_followed(tmp_path: Path) -> None:
    files = {
        "stages/train.py": "def run():\n    from models.a.loss import loss\n    return loss",
        "models/a/__init__.py": "from . import extra",
        "models/a/loss.py": "from .decode import near\nfrom ..shared import boxes\nloss = near, boxes",
        "models/a/decode.py": "near = 1",
        "models/a/extra.py": "",
        "models/shared/__init__.py": "",
        "models/shared/boxes.py": "",
        "models/b/loss.py": "other = 1",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert set(closure.sources(("stages/train.py",), tmp_path)) == set(files) - {"models/b/loss.py"}


def test_an_entry_point_that_a_system_lacks_counts_as_empty() -> None:
    assert closure.sources(("models/outrack/nothing.py",), ROOT) == ()

"""Counting the structure of a small checkout."""

from __future__ import annotations

from pathlib import Path

from benchmarks.structure import structure


def test_packages_imports_and_lengths_are_counted(tmp_path: Path) -> None:
    files = {
        "stages/one.py": "from models.a import net\n\n\ndef run():\n    import pipeline.files.video\n",
        "models/a/__init__.py": '"""A."""\n',
        "models/a/net.py": "from pipeline.files import video\n",
        "pipeline/files/__init__.py": "",
        "pipeline/files/video.py": "from models.a.net import x\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = structure(tmp_path)
    assert (found.packages, found.files, found.flat, found.lines) == (3, 4, 2, 8)
    assert found.dependencies == 4, "stages to models and to files, models to files, files to models"
    assert found.circles == 2
    assert found.longest_file == (5, "stages/one.py")
    assert found.longest_function == (2, "stages/one.py:run")

"""Where the third-party data sets lie: THROUGHLINE_DATA, by default ../shared/datasets beside the repository."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def dataset(name: str) -> Path:
    """Folder of a data set; skips the test, with the reason, where it is absent."""
    folder = Path(os.environ.get("THROUGHLINE_DATA", ROOT.parent / "shared" / "datasets")) / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not at {folder} (set THROUGHLINE_DATA)")
    return folder

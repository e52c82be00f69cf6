"""The command in this process."""

from __future__ import annotations

import pytest

from throughline.main import main


def throughline(*words: str) -> int:
    """Run a command line; returns its status."""
    with pytest.raises(SystemExit) as end:
        main(words)
    code = end.value.code
    assert code is None or isinstance(code, int)
    return code or 0

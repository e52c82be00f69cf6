from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from pipeline.params.sections import STAGES
from pipeline.runtime.imports import collecting_nothing
from tests.shared import ROOT

HEAVY = ("torch", "ray", "mlflow", "pandas", "matplotlib", "transformers", "numba")


def test_stages_import_no_large_library_before_they_need_it() -> None:
    """Each costs a stage's start, and a wrong parameter's message, up to a second."""
    code = "import sys, importlib\n"
    code += f"for name in {STAGES}:\n    importlib.import_module(f'stages.{{name}}')\n"
    code += f"    assert not set({HEAVY}) & set(sys.modules), (name, set({HEAVY}) & set(sys.modules))\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("before", [True, False])
def test_collection_is_as_it_was_after_the_block(before: bool) -> None:
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with pytest.raises(KeyError), collecting_nothing():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() is before
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        (gc.enable if was else gc.disable)()

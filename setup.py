"""What a wheel holds: one package, `throughline`, with the repository's other packages below it (see pipeline/artifacts/relocation.py).

An editable installation is the repository as it is.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from pipeline.artifacts.relocation import FACE, MOVED, relocated  # noqa: E402

sys.path.remove(str(ROOT))


class BuildRelocated(build_py):
    """Copies a module with its imports rewritten."""

    def build_module(self, module: object, module_file: str, package: object) -> tuple[str, bool]:
        outfile, copied = super().build_module(module, module_file, package)
        Path(outfile).write_text(relocated(Path(module_file).read_text(), FACE))
        return outfile, copied


found = find_packages(str(ROOT), include=[f"{name}{tail}" for name in (FACE, *MOVED) for tail in ("", ".*")])
if any(command in sys.argv for command in ("editable_wheel", "develop")):
    setup(packages=found)
else:
    setup(
        packages=[name if name.split(".")[0] == FACE else f"{FACE}.{name}" for name in found],
        package_dir={f"{FACE}.{name}": name for name in MOVED},
        cmdclass={"build_py": BuildRelocated},
        options={"build": {"build_base": tempfile.mkdtemp(prefix="throughline-build-")}},  # leftovers of another build never get in
    )

"""The face for people: the `throughline` command, one verb in each file of verbs/.

Imports anything of the repository; nothing imports it.
"""

from pathlib import Path

PARAMS = Path(__file__).resolve().parents[1] / "params.yaml"  # which a command reads unless it is told another

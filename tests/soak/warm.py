"""A process that has imported what stages import, and forks one for each stage that it is asked for.

What runs in the fork is what `python -m stages.<stage>` runs. The seconds of importing are spent once and not before each of many faults.
It reads a line of JSON for each stage, and writes `started NUMBER PROCESS` and `ended NUMBER STATUS`.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import sys
from pathlib import Path
from typing import Any

ASKED_SECONDS = 0.05


def main() -> None:
    """Serve until standard input ends."""
    _import()
    print("ready", flush=True)
    running: dict[int, int] = {}
    while True:
        if select.select([0], [], [], ASKED_SECONDS)[0]:
            line = sys.stdin.buffer.raw.readline()
            if not line:
                return
            asked = json.loads(line)
            process = os.fork()
            if process == 0:
                _become(asked)
            running[process] = asked["number"]
            print("started", asked["number"], process, flush=True)
        while running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if process == 0:
                break
            print("ended", running.pop(process), os.waitstatus_to_exitcode(status), flush=True)


def _import() -> None:
    from pipeline.runtime.cluster import prepare_environment

    prepare_environment()  # which Ray reads when it is imported
    import mlflow
    import ray.train.torch  # noqa: F401

    import models
    from stages import evaluate, extract_frames, finetune, label_depth, pack_samples, pretrain, render_walkers, report, track  # noqa: F401

    models.load("outrack")
    mlflow.MlflowClient("sqlite://")


def _become(asked: dict[str, Any]) -> None:
    """Be the stage that was asked for; does not return."""
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ |= asked["environment"]
    sys.argv = [f"stages/{asked['stage']}.py", *asked["arguments"]]
    status: object = 1
    try:
        for name in [name for name in sys.modules if name == f"stages.{asked['stage']}"]:
            del sys.modules[name]
        runpy.run_module(f"stages.{asked['stage']}", run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        _close()
        os._exit(status if isinstance(status, int) else int(status is not None))


def _close() -> None:
    """What Python would do at its end."""
    import atexit

    atexit._run_exitfuncs()


if __name__ == "__main__":
    assert Path("dvc.yaml").is_file()
    main()

"""What TrackEval's scripts/run_mot_challenge.py does, which its package leaves out.

    python -m benchmarks.trackeval_command GT TRACKERS TRACKER

Default settings: sequences one after the other, tables printed, summaries, details and plots written. With --quick as fast as it goes:
sequences in as many processes as there are CPUs, and no plots.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trackeval


def main(truth: str, trackers: str, tracker: str, *options: str) -> None:
    """Entry point."""
    quick = {"USE_PARALLEL": True, "NUM_PARALLEL_CORES": os.cpu_count(), "PLOT_CURVES": False} if "--quick" in options else {}
    settings = trackeval.Evaluator.get_default_eval_config() | {"LOG_ON_ERROR": None} | quick
    dataset, metrics = trackeval.datasets.MotChallenge2DBox, trackeval.metrics
    folders = {"GT_FOLDER": truth, "TRACKERS_FOLDER": trackers, "TRACKERS_TO_EVAL": [tracker], "SKIP_SPLIT_FOL": True}
    folders |= {"SEQ_INFO": dict.fromkeys(sorted(path.name for path in Path(truth).iterdir())), "BENCHMARK": "MOT17"}
    found = dataset(dataset.get_default_dataset_config() | folders)
    trackeval.Evaluator(settings).evaluate([found], [kind({"THRESHOLD": 0.5}) for kind in (metrics.HOTA, metrics.CLEAR, metrics.Identity)])


if __name__ == "__main__":
    main(*sys.argv[1:])

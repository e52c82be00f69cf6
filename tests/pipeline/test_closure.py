"""Training stands on the network and its losses, tracking on the tracker as well."""

from pathlib import Path

from pipeline import closure

ROOT = Path(__file__).resolve().parents[2]


def test_training_depends_on_losses_but_not_on_the_tracker() -> None:
    trained = closure.sources("stages/finetune.py", ROOT)
    assert {"models/outrack/loss.py", "models/outrack/targets.py", "models/backbones/dla.py"} <= set(trained)
    assert not [name for name in trained if name.startswith("models/tracking/") or Path(name).stem == "tracker"]


def test_tracking_depends_on_the_tracker() -> None:
    assert {"models/outrack/tracker.py", "models/tracking/kalman.py"} <= set(closure.sources("stages/track.py", ROOT))


def test_no_file_that_trains_needs_one_that_tracks() -> None:
    for name in closure.sources("stages/finetune.py", ROOT):
        if name != "models/outrack/spec.py":
            later = [other for other in closure._imports(ROOT / name, ROOT) if closure._after_training(other)]
            assert later == [], f"{name} imports {later}"

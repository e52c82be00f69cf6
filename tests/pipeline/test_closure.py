"""Training stands on the network and its losses, tracking on the tracker as well."""

from pathlib import Path

from pipeline import closure

ROOT = Path(__file__).resolve().parents[2]


def test_training_depends_on_losses_but_not_on_the_tracker() -> None:
    trained = closure.sources("stages/finetune.py", ROOT)
    assert {"models/outrack/loss.py", "models/outrack/targets.py", "models/backbones/dla.py"} <= set(trained)
    assert not [name for name in trained if name.startswith("models/tracking/") or Path(name).stem == "tracker"]


def test_tracking_depends_on_the_tracker() -> None:
    assert {"models/outrack/tracker.py", "models/tracking/kernels/kalman.py"} <= set(closure.sources("stages/track.py", ROOT))


def test_trials_know_the_models_behind_what_they_keep() -> None:
    seen, judged = (set(closure.sources(f"pipeline/experiments/{name}.py", ROOT)) for name in ("observing", "judging"))
    assert {"models/outrack/decode.py", "models/outrack/network.py", "models/outrack/centertrack/memory.py"} <= seen
    assert not seen & {"models/outrack/tracker.py", "models/outrack/refind.py"}
    assert {"models/outrack/tracker.py", "models/outrack/refind.py", "models/tracking/kernels/kalman.py"} <= judged


def test_no_file_that_trains_needs_one_that_tracks() -> None:
    for name in closure.sources("stages/finetune.py", ROOT):
        if name not in ("models/outrack/spec.py", "models/outrack/options.py"):  # which put the parts together
            later = [other for other in closure._imports(ROOT / name, ROOT) if closure._of_model(other, closure.AFTER_TRAINING)]
            assert later == [], f"{name} imports {later}"

"""What a trial does: pretrain, fine-tune, look, track and score, each step kept by its fingerprint and never done twice.

Steps lie in .throughline/trials/<step>/<fingerprint>. A step that two trials need at once is done by one, the other waits. Networks that
the main pipeline trained on the same parameters are taken from artifacts/.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import models
from experiments.trials.recipe import STEPS, Recipe
from pipeline.artifacts.fingerprint import code_of, fingerprint_of
from pipeline.artifacts.manifest import checked, checked_text, read_manifest
from pipeline.artifacts.publication import Publication
from pipeline.artifacts.reuse import is_whole
from pipeline.artifacts.store import write_text
from pipeline.errors import UserError
from pipeline.params.file import digest
from pipeline.registry.runs import StageRun

TRIALS = Path(".throughline") / "trials"
Report = Callable[[dict[str, float], float], None]


def fingerprint(recipe: Recipe, root: Path) -> str:
    """Digest of all that decides a trial's outcome: its parameters, the data it reads and the code of its steps."""
    steps = [step for step, changes in (("pretrain", recipe.pretrain), ("finetune", recipe.finetune)) if changes is not None]
    params = recipe.parameters("track")[0]
    code = [code_of(step, params) for step in (*steps, "track", "evaluate")]
    data = [read_manifest(root / "data" / name).digest for name in ("frames", "samples")]
    return digest(recipe.digest(), data, code)


def outcome(recipe: Recipe, root: Path) -> dict[str, float] | None:
    """The metrics of a trial that is done, or None."""
    found = checked(_outcome_file(recipe, root))
    return None if found is None else dict(found["metrics"])


def model_folder(recipe: Recipe, root: Path) -> Path | None:
    """Where the network that a finished trial tracked with lies."""
    found = checked(_outcome_file(recipe, root))
    return None if found is None else Path(found["model"])


def check(recipe: Recipe, root: Path) -> None:
    """Find what is wrong with a trial before it starts.

    Raises:
        UserError: a key, a value or the data set cannot be used.
    """
    for name in ("frames", "samples"):
        read_manifest(root / "data" / name)
    read = {step: recipe.parameters(step)[0] for step in STEPS}
    if recipe.pretrain is None and recipe.finetune is None:
        raise UserError(f"{recipe.label}: trains nothing\nnext: give it pretraining or fine-tuning")
    for step in ("pretrain", "finetune"):
        named = getattr(read[step], step).weights
        if named is not None and not (root / named).is_file():
            raise UserError(f"{recipe.label}: {step}.weights: no such file: {named}\nnext: correct the path, or set it to null")


def realise(recipe: Recipe, root: Path, run: StageRun, report: Report | None = None, rungs: tuple[float, ...] = ()) -> dict[str, float]:
    """Do what is missing of a trial.

    Args:
        recipe: the trial.
        root: the repository, absolute.
        run: MLflow run that gets the curves.
        report: gets the metrics so far and the share of the work done, in (0, 1]: after each sequence of a trial that only tracks,
            at each rung of one that trains. What it raises ends the trial; what was made is kept.
        rungs: shares of the last training's epochs after which the network is scored.

    Returns:
        Metrics by name: those of `TrackingMetrics`, R1 and mAP where the model has embeddings, AP50.

    Raises:
        UserError: as `check`, `pipeline.training.fit.trained` and `judge.judge` raise it.
    """
    known = outcome(recipe, root)
    if known is not None:
        return known
    trains = recipe.finetune if recipe.finetune is not None else recipe.pretrain
    pauses = rungs if report is not None and trains else ()
    model: Path | None = None
    if recipe.pretrain is not None:
        model = _trained("pretrain", recipe, root, run, None, pauses if recipe.finetune is None else (), report)
    if recipe.finetune is not None:
        model = _trained("finetune", recipe, root, run, model, pauses, report)
    assert model is not None, "check() refuses a recipe without training"
    metrics = _judged(recipe, root, model, report if not pauses else None)
    write_text(_outcome_file(recipe, root), checked_text({"label": recipe.label, "model": str(model), "metrics": metrics}))
    return metrics


def _outcome_file(recipe: Recipe, root: Path) -> Path:
    return root / TRIALS / "outcomes" / f"{fingerprint(recipe, root)[:32]}.json"


def _trained(
    step: Literal["pretrain", "finetune"],
    recipe: Recipe,
    root: Path,
    run: StageRun,
    start: Path | None,
    rungs: tuple[float, ...],
    report: Report | None,
) -> Path:
    """Folder of a trained network; trains it where nobody has."""
    from pipeline.feeding.loader import build_feed
    from pipeline.files import model_folder as weights
    from pipeline.training.fit import Rungs, trained

    params, options = recipe.parameters(step)
    nowhere = root / TRIALS / "no-start"
    named = fingerprint_of(step, params, root, {"artifacts/pretrain": start or nowhere})
    if is_whole(root / "artifacts" / step, named):
        return root / "artifacts" / step
    folder = root / TRIALS / step / named[:32]
    with _alone(folder):
        if is_whole(folder, named):
            return folder
        feed = build_feed(params, options, models.load(params.model.name), step, root / "data" / "samples")
        weighed = feed.settings.weights
        begin = root / weighed if weighed is not None else start and start / weights.WEIGHTS
        shared = step == "pretrain" and recipe.finetune is not None

        def judge(model: Path, epochs: int) -> None:
            assert report is not None
            report(_judged(recipe, root, model), epochs / feed.settings.epochs)

        epochs = sorted({min(feed.settings.epochs - 1, max(1, round(share * feed.settings.epochs))) for share in rungs})
        with trained(
            feed,
            begin,
            publication=Publication(folder, step, named),
            run=replace(run, prefix="pretrain.") if shared else run,
            cluster=params.cluster,
            root=root,
            rungs=Rungs(tuple(epoch for epoch in epochs if epoch > 0), judge) if rungs else None,
        ):
            pass
    return folder


def _judged(recipe: Recipe, root: Path, model: Path, report: Report | None = None) -> dict[str, float]:
    """Metrics of a network: what it sees is kept on disk, tracking and scoring are done each time."""
    from experiments.trials import judge as judging
    from experiments.trials import observe
    from pipeline.files import model_folder as weights

    params, current = recipe.parameters("track")
    card = weights.load_model(model)
    spec, options = models.of_card(card.name, card.options, current.model_dump()["tracker"], str(model / weights.CARD))
    named = observe.fingerprint(params, spec, options, model, root)
    folder = root / TRIALS / "seen" / named[:32]
    with _alone(folder):
        if not is_whole(folder, named):
            observe.observe(params, spec, options, model, root, Publication(folder, "seen", named))
    return judging.judge(params, spec, options, model, folder, root, report)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process works on this folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

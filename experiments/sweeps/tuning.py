"""The engine: Ray Tune runs the trials that have no outcome yet, side by side, and tells MLflow how each of them ended.

Nothing of Tune's own state is kept: what is finished lies on disk (`Machinery.outcome`) and in MLflow, and a killed driver's successor asks
for the rest. Trials end by themselves, or between two rungs, never inside a Ray Train run, whose placement group would stay behind.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from experiments.sweeps.plan import Plan, Trial
from experiments.sweeps.record import Child, Record
from experiments.sweeps.search import searcher
from experiments.trials.recipe import Recipe
from pipeline.artifacts.store import write_text
from pipeline.errors import PlainError, UserError
from pipeline.registry.runs import StageRun
from pipeline.runtime.cluster import attached, gpus
from pipeline.runtime.progress import Progress

FOLDER = Path(".throughline") / "sweeps"
MEMORY = 64 * 2**20  # bytes: all that Tune books for a trial, since the CPUs are its workers' and tasks'
WHOLE = 100  # per cent of a trial's budget, the unit of rungs
ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has it all
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",  # Tune's own state is never read again
    "RAY_AIR_NEW_OUTPUT": "0",  # the new one talks at every verbosity
    "TUNE_RESULT_BUFFER_LENGTH": "1",  # a buffered report could not be stopped at its rung
}

Report = Callable[[dict[str, float], float], None]


@dataclass(frozen=True)
class Machinery:
    """What trials are made with; functions at the top of modules, since they are pickled.

    Attributes:
        check: (recipe, root): raises UserError for whatever would stop the trial.
        realise: (recipe, root, run, report or None, rungs) -> metrics; does what is not done yet. A trial that trains reports after these
            shares of its epochs, one that only tracks after each sequence.
        outcome: (recipe, root) -> the metrics of a trial that was finished before, or None.
        model_folder: (recipe, root) -> the weights that were tracked, once they are there.
    """

    check: Callable[[Recipe, Path], None]
    realise: Callable[[Recipe, Path, StageRun, Report | None, tuple[float, ...]], dict[str, float]]
    outcome: Callable[[Recipe, Path], dict[str, float] | None]
    model_folder: Callable[[Recipe, Path], Path | None]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        trial: the trial.
        status: finished; stopped by the scheduler; failed; or interrupted.
        metrics: all metrics, of a stopped trial those of its last rung; empty where there are none.
        run_id: id of its run in MLflow; empty where there is none.
        error: first line of what a failed trial raised.
        log: file with the whole traceback of a failed trial.
    """

    trial: Trial
    status: Literal["finished", "stopped", "failed", "interrupted"]
    metrics: Mapping[str, float] = field(default_factory=dict)
    run_id: str = ""
    error: str = ""
    log: Path | None = None


@dataclass(frozen=True)
class Job:
    """What every trial's process is given."""

    plan: Plan
    machinery: Machinery
    record: Record
    root: Path

    @property
    def rungs(self) -> tuple[float, ...]:
        """Shares of the budget after which a trial may be stopped; none without a scheduler."""
        settings = self.plan.params.sweep
        shares = (settings.grace * settings.reduction**rung for rung in itertools.count())
        return () if settings.scheduler == "none" else tuple(itertools.takewhile(lambda share: share < 1, shares))

    def trial(self, config: Mapping[str, Any]) -> Trial:
        """The trial that Tune's configuration means: a number, and for a search the values of its keys."""
        if "values" not in config:
            return self.plan.trials()[config["number"]]
        return self.plan.trial(config["number"], self.plan.configuration(config["values"]), self.plan.seeds[0])


def run(plan: Plan, machinery: Machinery, record: Record, root: Path) -> list[Outcome]:
    """Run the trials that have no outcome yet.

    Returns:
        Every trial's outcome, by number. A trial that fails stops no other.

    Raises:
        UserError: the trials do not fit the cluster.
    """
    job = Job(plan, machinery, record, root)
    outcomes = _finished_before(job)
    left = [number for number in range(plan.count) if number not in outcomes]
    if outcomes:
        print(f"sweep {plan.name}: {len(outcomes)} of {plan.count} trials were finished before", file=sys.stderr)
    if left:
        with attached(plan.params.cluster), Progress(f"Sweep {plan.name}", len(left), "trials") as bar:
            _tune(job, left, outcomes, bar)
    for child in record.children() if plan.definition.search else []:
        if child.number not in outcomes:
            outcomes[child.number] = Outcome(_again(plan, child), "interrupted", run_id=child.run_id)
    for trial in [] if plan.definition.search else plan.trials():
        outcomes.setdefault(trial.number, Outcome(trial, "interrupted"))
    return [outcomes[number] for number in sorted(outcomes)]


@contextmanager
def alone(plan: Plan, root: Path) -> Iterator[None]:
    """Keep a second driver of a sweep out of this repository while the block runs.

    Raises:
        UserError: another process runs the sweep.
    """
    from pipeline.training.checkpoints import exclusive  # imports torch, which a mistake in a name should not wait for

    try:
        with exclusive(root / FOLDER / plan.name):
            yield
    except UserError as error:
        if "another process" not in str(error):
            raise
        raise UserError(f"sweep {plan.name}: another process runs it\nnext: wait for it, or end it, and run again") from None


def check(plan: Plan, machinery: Machinery, root: Path) -> None:
    """Try every trial's parameters (of a search: the ends of its ranges) before anything starts.

    Raises:
        UserError: a key or value cannot be used, or data or weights are missing.
    """
    for recipe in plan.probes():
        machinery.check(recipe, root)


def _finished_before(job: Job) -> dict[int, Outcome]:
    """Outcomes by number: from disk, those of a search's configurations from MLflow, which knows them."""
    plan, children = job.plan, {child.number: child for child in job.record.children()}
    found: dict[int, Outcome] = {}
    trials = [_again(plan, child) for child in children.values()] if plan.definition.search else plan.trials()
    for trial in (trial for trial in trials if trial.number < plan.count):
        child, metrics = children.get(trial.number), job.machinery.outcome(trial.recipe, job.root)
        if metrics is not None:
            found[trial.number] = Outcome(trial, "finished", metrics, _entered(job, trial, child, metrics))
        elif child is not None and child.stopped:
            found[trial.number] = Outcome(trial, "stopped", child.metrics, child.run_id)
    return found


def _again(plan: Plan, child: Child) -> Trial:
    return plan.trial(child.number, plan.configuration(child.values), plan.seeds[0])


def _entered(job: Job, trial: Trial, child: Child | None, metrics: dict[str, float]) -> str:
    """The run of a finished trial; it is written now where MLflow does not know it, or not its end."""
    if child is not None and child.status == "FINISHED":
        return child.run_id
    run = job.record.begin(trial)
    job.record.finish(run, metrics, job.machinery.model_folder(trial.recipe, job.root))
    return run.run_id


def _tune(job: Job, left: Sequence[int], outcomes: dict[int, Outcome], bar: Progress) -> None:
    """Let Ray Tune run the trials `left`; each outcome enters `outcomes` as it comes."""
    os.environ.update(ENVIRONMENT)
    from ray import tune

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # what failed is told once, at the end
    plan, folder = job.plan, (job.root / FOLDER).resolve()
    concurrency = _room(plan)
    shutil.rmtree(folder / plan.name, ignore_errors=True)  # an earlier driver's
    search = None
    if plan.definition.search is not None:
        begun = {child.number: child.values for child in job.record.children() if child.number in left}
        done = [(outcome.trial.configuration.values, outcome.metrics[plan.metric]) for outcome in outcomes.values()]
        search = searcher(plan, left, begun, done)
    tune.Tuner(
        tune.with_resources(tune.with_parameters(_trial, job=job), {"memory": MEMORY}),
        param_space=None if search else {"number": tune.grid_search(list(left))},
        tune_config=tune.TuneConfig(
            num_samples=len(left) if search else 1,
            search_alg=search,
            scheduler=_scheduler(plan),
            metric="score",
            mode="max",
            max_concurrent_trials=concurrency,
            reuse_actors=not plan.trains,
        ),
        run_config=tune.RunConfig(
            name=plan.name, storage_path=str(folder), verbose=0, callbacks=[_watcher(job, outcomes, bar, folder / f"{plan.name}.logs")]
        ),
    ).fit()


def _trial(config: dict[str, Any], job: Job) -> None:
    """One trial, in its own process."""
    from ray import tune

    trial = job.trial(config)
    run = job.record.begin(trial)

    rungs = job.rungs

    def report(metrics: dict[str, float], share: float) -> None:
        reached = min(rungs, key=lambda rung: abs(rung - share)) if job.plan.trains else share  # whole epochs miss a rung by a little
        run.metrics(metrics, round(WHOLE * share))
        tune.report(_result(job.plan, run, metrics, WHOLE * reached, finished=False))

    try:
        metrics = job.machinery.realise(trial.recipe, job.root, run, report if rungs else None, rungs)
        result = _result(job.plan, run, metrics, WHOLE, finished=True)
        job.record.finish(run, metrics, job.machinery.model_folder(trial.recipe, job.root))
    except Exception as error:
        message = str(error) if isinstance(error, PlainError) else f"{type(error).__name__}: {error}"
        job.record.close(run.run_id, "FAILED", error=message)
        raise
    tune.report(result)


def _result(plan: Plan, run: StageRun, metrics: dict[str, float], percent: float, *, finished: bool) -> dict[str, Any]:
    """What Tune is told.

    Raises:
        UserError: the metric that the sweep looks for was not measured.
    """
    if plan.metric not in metrics:
        raise UserError(
            f"sweep {plan.name}: {plan.metric} was not measured; there are {', '.join(metrics)}\nnext: set sweep.metric to one of them"
        )
    return {"score": metrics[plan.metric], "percent": percent, "finished": finished, "metrics": metrics, "run_id": run.run_id}


def _room(plan: Plan) -> int:
    """How many trials run side by side.

    Raises:
        UserError: the cluster is too small for them.
    """
    import ray

    settings, cpus = plan.params.sweep, int(ray.cluster_resources().get("CPU", 1))
    training = plan.params.pretrain if plan.definition.first == "pretrain" else plan.params.finetune
    workers, threads = (settings.workers, training.threads) if plan.trains else (1, plan.params.track.threads)
    on_gpus = plan.trains and training.use_gpu is not False and gpus() >= workers
    room = gpus() // workers if on_gpus else cpus // (workers * threads)
    if (settings.concurrency or 1) > room:
        raise UserError(
            f"sweep.concurrency: {settings.concurrency or 1} trials x {workers} workers x {threads} threads do not fit the cluster's "
            f"{cpus} CPUs and {gpus()} GPUs\nnext: lower sweep.concurrency or sweep.workers, or raise cluster.num_cpus"
        )
    return settings.concurrency or room


def _scheduler(plan: Plan) -> Any:
    from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler

    settings = plan.params.sweep
    if settings.scheduler == "none":
        return FIFOScheduler()
    return AsyncHyperBandScheduler(
        time_attr="percent", max_t=WHOLE, grace_period=WHOLE * settings.grace, reduction_factor=settings.reduction
    )


def _watcher(job: Job, outcomes: dict[int, Outcome], bar: Progress, logs: Path) -> Any:
    """Tune's callback: closes the runs of trials that were stopped or failed, and collects outcomes."""
    from ray import tune

    class Watcher(tune.Callback):
        def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            done, result = job.trial(trial.config), trial.last_result
            if not result["finished"]:
                job.record.close(result["run_id"], "KILLED", stopped="asha")
            outcomes[done.number] = Outcome(done, "finished" if result["finished"] else "stopped", result["metrics"], result["run_id"])
            bar.advance()

        def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
            failed = job.trial(trial.config)
            log = logs / f"{failed.number}.log"
            write_text(log, Path(trial.error_file).read_text())
            outcomes[failed.number] = _failure(job, failed, log)
            bar.advance()

        def __getstate__(self) -> dict[str, Any]:
            return {}  # Tune saves its callbacks; these belong to this process

    return Watcher()


def _failure(job: Job, trial: Trial, log: Path) -> Outcome:
    """A failed trial, its log attached to its run; the run is closed here where the process could not do it."""
    died = f"the trial's process died: {log.read_text().strip().splitlines()[-1]}"
    children = job.record.children(trial.number)
    for child in children:
        StageRun(child.run_id, job.record.parent.tracking_uri).artifact(log)
        if child.status == "RUNNING":
            job.record.close(child.run_id, "FAILED", error=died)
    error, run_id = (children[0].error or died, children[0].run_id) if children else (died, "")
    return Outcome(trial, "failed", run_id=run_id, error=error.splitlines()[0], log=log)

"""How long the trainings of this repository took, by the runs that MLflow has of them."""

from __future__ import annotations

from pipeline.params.sections import TRAININGS

MILLISECONDS = 60_000  # in a minute


def training_minutes(uri: str, experiment: str) -> float | None:
    """Minutes that the latest finished runs of both trainings took together; None where one of them has no finished run.

    A stage that finds its output whole starts no run. A training that was killed and resumed counts from where it was resumed.

    Args:
        uri: tracking URI of MLflow's store.
        experiment: name of the experiment that holds the runs.
    """
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    minutes = 0.0
    for stage in TRAININGS:
        query = f"tags.`throughline.stage` = '{stage}' and attributes.status = 'FINISHED'"
        runs = client.search_runs([found.experiment_id], query, order_by=["attributes.start_time DESC"], max_results=1)
        if not runs:
            return None
        minutes += (runs[0].info.end_time - runs[0].info.start_time) / MILLISECONDS
    return minutes

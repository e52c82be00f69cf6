"""How long the trainings of this repository took, by the runs that MLflow has of them."""

from __future__ import annotations

from pipeline.params.sections import TRAININGS

MILLISECONDS = 60_000  # of a minute


def training_minutes(uri: str, experiment: str) -> float | None:
    """Minutes of the latest finished run of each training; None where there is none of one.

    A stage that finds its output whole starts no run. A training that was killed and went on counts from where it went on.

    Args:
        uri: of MLflow's store.
        experiment: where the runs are.
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

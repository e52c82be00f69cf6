"""Which version is champion: the best under equal conditions, or the one that a person chose; and the way back.

The registered model remembers its champions in the order in which they became it (tag `throughline.champions`).
"""

from __future__ import annotations

from typing import NamedTuple

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from pipeline.errors import UserError
from pipeline.registry.registry import CHAMPION, Registered, connected, show
from pipeline.registry.scores import Score, scores

HISTORY_TAG = "throughline.champions"  # of the registered model: numbers of versions, the present champion last
WITHDRAWN_TAG = "throughline.withdrawn"  # of a version that a person took back: it competes no more
REMEMBERED = 100  # champions


class Promotion(NamedTuple):
    """What `consider` decided: whether the alias is now on the version, and why, for the user."""

    moved: bool
    reason: str


def consider(tracking_uri: str, name: str, version: str, score: Score, metric: str) -> Promotion:
    """Keep a version's score and move `champion` to it if it is better than the champion under the same conditions.

    With no champion the version becomes it. A champion that was never scored under these conditions stays: the two cannot be compared. A
    version that was taken back (`rollback`) keeps its score and does not compete.

    Args:
        tracking_uri: the store.
        name: registered model.
        version: its version.
        score: of the version; it must come from tracks that were made without the ground truth.
        metric: which of its metrics decides, higher is better; a tie keeps the champion.
    """
    with connected(tracking_uri) as client:
        client.set_model_version_tag(name, version, score.key, score.tag)
        decision = _decide(client, name, version, score, metric)
        if decision.moved:
            _crown(client, name, version)
    return decision


def make_champion(reference: str, tracking_uri: str) -> Registered:
    """Move `champion` to a version, whatever its scores; one that was taken back competes again. Returns that version.

    Raises:
        UserError: there is no such model, alias or version.
    """
    item = show(reference, tracking_uri)
    with connected(tracking_uri) as client:
        if WITHDRAWN_TAG in item.tags:
            client.delete_model_version_tag(item.name, item.version, WITHDRAWN_TAG)
        _crown(client, item.name, item.version)
    return show(f"{item.name}/{item.version}", tracking_uri)


def rollback(name: str, tracking_uri: str) -> tuple[Registered, Registered]:
    """Give `champion` back to the version that had it before, and keep the present one out until it is promoted by hand.

    Returns:
        The version that was champion, and the one that is again.

    Raises:
        UserError: there is no such model or champion, or none before it.
    """
    dethroned = show(f"{name}@{CHAMPION}", tracking_uri)
    with connected(tracking_uri) as client:
        known = {str(item.version) for item in client.search_model_versions(f"name = '{name}'", max_results=10000)}
        earlier = [version for version in _history(client, name) if version != dethroned.version and version in known]
        if not earlier:
            raise UserError(
                f"{name}/{dethroned.version} is the only champion that {name} has had\nnext: `throughline registry promote {name}/VERSION`"
            )
        client.set_model_version_tag(name, dethroned.version, WITHDRAWN_TAG, "true")
        client.set_registered_model_tag(name, HISTORY_TAG, " ".join(earlier))
        client.set_registered_model_alias(name, CHAMPION, earlier[-1])
    return dethroned, show(f"{name}@{CHAMPION}", tracking_uri)


def _decide(client: MlflowClient, name: str, version: str, score: Score, metric: str) -> Promotion:
    value, what, champion = score.metrics[metric], f"{name} {metric}", _champion(client, name)
    if WITHDRAWN_TAG in client.get_model_version(name, version).tags:
        return Promotion(
            False, f"version {version} was taken back and does not compete\nnext: `throughline registry promote {name}/{version}`"
        )
    if champion is None:
        return Promotion(True, f"version {version} is the first champion ({what} {value:.2f})")
    if str(champion.version) == version:
        return Promotion(True, f"version {version} stays champion ({what} {value:.2f})")
    theirs = scores(champion.tags)
    if score.key not in theirs:
        return Promotion(
            False,
            f"champion stays version {champion.version}, with which version {version} cannot be compared: "
            f"{_apart(score, list(theirs.values()))}\n{_by_hand(name, version)}",
        )
    known = theirs[score.key].metrics[metric]
    if value > known:
        return Promotion(True, f"version {version} is champion: {what} {value:.2f} beats {known:.2f} of version {champion.version}")
    return Promotion(False, f"champion stays version {champion.version}: {what} {known:.2f}, version {version} has {value:.2f}")


def _by_hand(name: str, version: str) -> str:
    return f"next: `throughline registry promote {name}/{version}` moves it by hand"


def _apart(score: Score, theirs: list[Score]) -> str:
    """Why no score of the champion is of the same conditions: what differs from the nearest."""
    if not theirs:
        return "it was never scored"
    nearest = min((score.conditions.differences(other.conditions) for other in theirs), key=len)
    return f"it was scored on other {' and '.join(nearest)}"


def _crown(client: MlflowClient, name: str, version: str) -> None:
    """Set the alias, and remember who had it."""
    history = [item for item in _history(client, name) if item != version][-REMEMBERED:]
    client.set_registered_model_tag(name, HISTORY_TAG, " ".join([*history, version]))
    client.set_registered_model_alias(name, CHAMPION, version)


def _history(client: MlflowClient, name: str) -> list[str]:
    """Champions so far, the present one last, also where another program set the alias."""
    model = client.get_registered_model(name)
    known = str(model.tags.get(HISTORY_TAG, "")).split()
    present = model.aliases.get(CHAMPION)
    return known if present is None else [*(item for item in known if item != str(present)), str(present)]


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    version = client.get_registered_model(name).aliases.get(CHAMPION)
    return None if version is None else client.get_model_version(name, version)

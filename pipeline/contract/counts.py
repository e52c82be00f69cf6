"""Terms of a loss that are counts: `<what>_right` correct answers to `<what>_asked` questions, such as which identity a box has."""

from __future__ import annotations

from collections.abc import Collection, Mapping

RIGHT, ASKED = "_right", "_asked"


def accuracies(means: Mapping[str, float]) -> dict[str, float]:
    """`<what>_accuracy` for each pair of counts `<what>_right` and `<what>_asked`; a kind that was never asked is left out.

    Example: {"known_right": 30.0, "known_asked": 40.0, "newborn_right": 0.0, "newborn_asked": 0.0} gives {"known_accuracy": 0.75}.
    """
    return {f"{kind}_accuracy": means[kind + RIGHT] / means[kind + ASKED] for kind in counted(means) if means[kind + ASKED]}


def counted(terms: Collection[str]) -> list[str]:
    """`<what>` of each pair of names `<what>_right` and `<what>_asked`, in the order of `terms`."""
    return [kind for name in terms if (kind := name.removesuffix(RIGHT)) != name and kind + ASKED in terms]

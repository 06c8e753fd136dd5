"""What a change of a setting does to the weights, in words; a form finds out by trying some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playground.experiment import Experiment, edits, keeps_weights
from playground.experiment.fields import Choice, Field, Number, Yes
from playground.words import tr


def keeps() -> str:
    """No choice makes the run begin again."""
    return tr("Keeps the weights.")


def starts_again() -> str:
    """Every choice does."""
    return tr("Starts again.")


def effect_of(field: Field, value: Any, experiment: Experiment, changed: Callable[[Any], Experiment]) -> str:
    """What other values of a field would do to the weights; "" where there is none that could be.

    Parameters
    ----------
    value
        The field's present one.
    changed
        Gives the experiment with another one; not checked.
    """
    after = [tried for tried in map(changed, others(field, value)) if not edits.refusal(tried)]
    kept = [keeps_weights(experiment, tried) for tried in after]
    if not kept:
        return ""
    return keeps() if all(kept) else tr("Some choices start again.") if any(kept) else starts_again()


def others(field: Field, value: Any) -> list[Any]:
    """Values that a field could have instead: all of a choice's, one of a number's."""
    kind = field.kind
    if isinstance(kind, Yes):
        return [not value]
    if isinstance(kind, Number):
        middle = (kind.low + kind.high) / 2
        tried = (value + 1, value - 1) if kind.whole else (value * 1.1, value * 0.9, middle, kind.high, kind.low)
        return [other for other in tried if other != value and kind.admits(other)][:1]
    if isinstance(kind, Choice):
        now = kind.index_of(value)
        return [option.value for index, option in enumerate(kind.options) if index != now and not option.needs_path]
    return []

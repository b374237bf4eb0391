"""Weights of examples: every sum over the examples that a scalar takes counts each of them by its weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import DataError, ShapeError, SymgradError
from ..ir.access import Access, Size, fresh_names
from ..ir.system import Equation, System, Tensor, Term
from .data import Arrays


def weighted(system: System, loss: str, size: Size) -> tuple[System, str]:
    """The system with a new input `weight[n]`, `n` running over the examples, and the name of that input.

    Each point of a scalar's sum that has an index over the examples is multiplied by its weight: the loss's data term,
    not a penalty on the parameters, and not a statistic of the batch. SymgradError where the loss has no such sum.
    """
    name = next(fresh_names(set(system.tensors), "weight"))
    feeding = _scalars(system, loss)
    changed = [_weigh(eq, name, size) if eq.tensor in feeding else eq for eq in system.equations]
    if all(a is b for a, b in zip(changed, system.equations)):
        raise SymgradError(f"{loss} has no sum over the examples, so their weights mean nothing in it.")
    declared = Tensor(name, (size,), role="input", letters=(str(size).lower(),))
    return replace(system, equations=tuple(changed), tensors={**system.tensors, name: declared}), name


def _scalars(system: System, loss: str) -> set[str]:
    """The scalars that the loss is made of, itself among them."""
    defining, found, waiting = system.defining(), set(), [loss]
    while waiting:
        name = waiting.pop()
        if name not in found and name in defining and system.tensors[name].rank == 0:
            found.add(name)
            waiting += defining[name].read_names()
    return found


def _weigh(eq: Equation, name: str, size: Size) -> Equation:
    terms = tuple(_weighed_term(eq, term, name, size) for term in eq.terms)
    return eq if all(a is b for a, b in zip(terms, eq.terms)) else replace(eq, terms=terms)


def _weighed_term(eq: Equation, term: Term, name: str, size: Size) -> Term:
    over = [r.index for r in term.reduced if r.size == size]
    if not over:
        return term
    if len(over) > 1 or eq.reduce != "sum":
        raise SymgradError(
            f"{eq.source or eq.tensor}: weights of examples are for one sum over them; write them into the loss."
        )
    return replace(term, body=Access(name, over[0]) * term.body)


def class_weights(labels: np.ndarray, given: Any) -> np.ndarray:
    """The weight of each example by its class: a mapping, or "balanced": n / (classes * count), as in scikit-learn.

    >>> class_weights(np.array([0, 0, 0, 1]), "balanced")
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    if isinstance(given, Mapping):
        strange = sorted(set(np.unique(labels).tolist()) - set(given))
        if strange:
            known = ", ".join(map(str, given))
            raise DataError(f"class_weight has no weight for the class {strange[0]}; it has {known}.")
        return _positive("class_weight", [given[c] for c in labels.tolist()])
    if given != "balanced":
        raise SymgradError(f'class_weight is "balanced" or a mapping of weights, {{0: 1.0, 1: 5.0}}; not {given!r}.')
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(counts) * counts))[place]


def _positive(name: str, given: Any) -> np.ndarray:
    try:
        weights = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"{name} holds one number for each example or class; not {given!s:.60}.") from None
    bad = weights[~(np.isfinite(weights) & (weights >= 0))]
    if bad.size:
        raise DataError(f"{name} holds {bad[0]}: a weight is a number that is finite and not negative.")
    return weights


def example_weights(
    arrays: Arrays, label: str | None, count: int, class_weight: Any, sample_weight: Any
) -> np.ndarray | None:
    """One weight for each example, or None where none are asked for."""
    if class_weight is None and sample_weight is None:
        return None
    weights = np.ones(count)
    if sample_weight is not None:
        weights = _positive("sample_weight", sample_weight)
        if weights.shape != (count,):
            raise ShapeError(f"sample_weight has shape {weights.shape}; there are {count} examples.")
        if not weights.any():
            raise DataError("every sample_weight is 0: there is nothing to train on.")
    if class_weight is not None:
        if label is None:
            raise SymgradError("class_weight needs a label that the prediction scores; this program has none.")
        weights = weights * class_weights(arrays[label], class_weight)
    return weights

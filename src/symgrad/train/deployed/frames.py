"""Columns of a table: reading them from CSV, making features of them, and how far they are from the training data."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

MISSING = ("", "na", "n/a", "nan", "null", "none")
ROWS = 20_000  # of larger data, so many rows evenly spaced are summarised
MOST = 1_000  # columns of an array that is summarised
LEAST = 1e-4  # the share of an empty class, in the stability index
LARGE, MODERATE = 0.25, 0.1  # of the stability index: Siddiqi, Credit Risk Scorecards (2006), section 7
CHANCE = 27.9  # the index of samples alike, times n m/(n + m), is below in 999 of 1000 cases: chi squared of 9 degrees


def read_csv(path: Path) -> dict[str, np.ndarray]:
    """The columns of a CSV file with a header, as text."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if not rows:
        raise ValueError(f"{path} is empty: its first line must name the columns.")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise ValueError(f"{path}: row {number} has {len(row)} entries; the header has {len(rows[0])}.")
    body = rows[1:]
    return {name.strip(): np.array([row[at].strip() for row in body], dtype=object) for at, name in enumerate(rows[0])}


def numbers(table: dict[str, np.ndarray], name: str) -> np.ndarray:
    """A column as numbers; ValueError names the rows that are missing or no numbers."""
    values = _column(table, name)
    missing = [row for row, text in enumerate(values, start=2) if str(text).lower() in MISSING]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise ValueError(f"column {name} has {len(missing)} missing value(s), in row(s) {shown}.")
    try:
        return values.astype(float)
    except ValueError as error:
        raise ValueError(f"column {name} holds text where a number was expected: {error}.") from None


def _column(table: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in table:
        raise ValueError(f"there is no column {name}; the file has {', '.join(table)}.")
    return table[name]


def features(table: dict[str, np.ndarray], columns: list[dict]) -> np.ndarray:
    """The features of each row: numbers shifted and scaled, categories one-hot, as in training."""
    parts = []
    for column in columns:
        name = column["name"]
        if "categories" in column:
            values = _column(table, name).astype(str)
            new = sorted(set(values) - set(column["categories"]))
            if new:
                known = ", ".join(column["categories"])
                raise ValueError(f"column {name} holds {str(new[0])!r}, which the training data did not: {known}.")
            parts += [(values == category).astype(float) for category in column["categories"]]
        else:
            parts.append((numbers(table, name) - column.get("subtract", 0.0)) / column.get("divide", 1.0))
    return np.stack(parts, axis=1)


def summary(arrays: dict[str, np.ndarray]) -> dict:
    """What is kept of the training data: of each column the moments, the range and the deciles. Arrays of very many
    columns (images) are left out."""
    found = {}
    for name, array in arrays.items():
        if array.size > MOST * len(array):
            continue
        for label, values in columns_of(name, _some(array)).items():
            finite = values[np.isfinite(values)].astype(float)
            if finite.size:
                found[label] = _summarised(finite)
    return found


def _summarised(values: np.ndarray) -> dict:
    deciles = np.quantile(values, np.linspace(0.1, 0.9, 9))
    return {
        "rows": len(values), "mean": float(values.mean()), "sd": float(values.std()), "least": float(values.min()),
        "largest": float(values.max()), "deciles": deciles.tolist(), "shares": _shares(values, deciles).tolist(),
    }  # fmt: skip


def columns_of(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of an array of examples: `X[0]`, `X[1]`, or the name alone."""
    if array.ndim == 1:
        return {name: array}
    flat = array.reshape(len(array), -1)
    return {f"{name}[{','.join(map(str, cell))}]": flat[:, at] for at, cell in enumerate(np.ndindex(array.shape[1:]))}


def feature_names(about: dict) -> dict[str, str]:
    """What the columns of the features are called in the table: `X[0]` is `age`, `X[1]` is `town=A`.

    >>> feature_names({"features": "X", "columns": [{"name": "age"}, {"name": "town", "categories": ["A", "B"]}]})
    {'X[0]': 'age', 'X[1]': 'town=A', 'X[2]': 'town=B'}
    """
    listed = [n for c in about["columns"] for n in [f"{c['name']}={v}" for v in c.get("categories", ())] or [c["name"]]]
    return {f"{about['features']}[{at}]": name for at, name in enumerate(listed)}


def _some(array: np.ndarray) -> np.ndarray:
    """The array, or some rows of it where there are many: it may be a file larger than memory."""
    if len(array) <= ROWS:
        return np.asarray(array)
    return np.asarray(array[np.unique(np.linspace(0, len(array) - 1, ROWS).astype(int))])


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How much lies between the edges: below the first, ..., above the last."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) / values.size


def drift(trained: dict, arrays: dict[str, np.ndarray]) -> list[dict]:
    """New data against the summary of the training data, the worst column first.

    `stability` is the population stability index, sum (q - p) log(q/p) over the ten classes between the training
    deciles; `shift` that of the mean, in training standard deviations; `outside` the share beyond the training range.
    The verdict is "small" where chance alone gives as much in samples of these sizes.
    """
    found = []
    for name, array in arrays.items():
        for label, values in columns_of(name, _some(array)).items():
            if label not in trained:
                raise ValueError(f"the training data had no column {label}; they had {', '.join(trained)}.")
            found.append(_drifted(label, trained[label], np.asarray(values, dtype=float)))
    return sorted(found, key=lambda row: -row["stability"])


def _drifted(label: str, then: dict, values: np.ndarray) -> dict:
    finite = values[np.isfinite(values)]
    now = np.maximum(_shares(finite, np.array(then["deciles"])) if finite.size else np.zeros(10), LEAST)
    before = np.maximum(then["shares"], LEAST)
    index = float(((now - before) * np.log(now / before)).sum())
    distance = float(finite.mean() - then["mean"]) if finite.size else float("nan")
    chance = CHANCE * (1 / max(finite.size, 1) + 1 / then["rows"])
    large, moderate = max(LARGE, chance), max(MODERATE, chance)
    return {
        "column": label, "stability": index, "shift": distance / then["sd"] if then["sd"] else distance,
        "outside": float(((finite < then["least"]) | (finite > then["largest"])).mean()) if finite.size else 0.0,
        "missing": 1 - finite.size / max(values.size, 1),
        "verdict": "large" if index > large else "moderate" if index > moderate else "small",
    }  # fmt: skip


def report(rows: list[dict]) -> str:
    """The drift as a table."""
    head = f"{'column':24} {'stability':>9} {'shift (sd)':>10} {'outside':>8} {'missing':>8}  drift"
    line = "{column:24} {stability:9.3f} {shift:10.2f} {outside:8.1%} {missing:8.1%}  {verdict}"
    return "\n".join([head, *(line.format(**row) for row in rows)])

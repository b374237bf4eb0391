"""The command line of an exported model.

    python -m NAME predict data.csv [--out predictions.csv]     a row of predictions for each row of the file
    python -m NAME drift data.csv                               the file against the training data

Exit codes: 0 all is well; 2 the command or the file was wrong.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from .frames import columns_of, drift, feature_names, features, numbers, read_csv, report


def main(about: dict, predict, argv: list[str] | None = None) -> int:
    """Run one command on the model that `about` describes; the exit code."""
    parser = argparse.ArgumentParser(about["name"], description=f"The model {about['name']}, exported by symgrad.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="COMMAND")
    for name, help in (("predict", "predictions for the rows of a CSV file"), ("drift", "the file against training")):
        command = commands.add_parser(name, help=help)
        command.add_argument("data", type=Path, help="a CSV file whose header names the columns")
        if name == "predict":
            command.add_argument("--out", type=Path, help="where the predictions go (standard output)")
    arguments = parser.parse_args(argv)
    try:
        arrays = inputs(about, read_csv(arguments.data))
        if arguments.command == "drift":
            names, rows = feature_names(about), drift(about["summary"], arrays)
            print(report([row | {"column": names.get(row["column"], row["column"])} for row in rows]))
        else:
            _write(table(about, predict(**arrays)), arguments.out)
    except (ValueError, OSError) as error:
        print(f"{about['name']}: {error}", file=sys.stderr)
        return 2
    return 0


def inputs(about: dict, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays that `predict` takes, from the columns of a table."""
    found = {}
    for name, rank in about["inputs"].items():
        if rank == 1:
            values = numbers(columns, name)
            found[name] = values.astype(np.int64) if name in about["integers"] else values
        elif rank == 2 and name == about["features"]:
            listed = about["columns"] or [{"name": c} for c in columns if c not in about["inputs"]]
            found[name] = features(columns, listed)
        else:
            raise ValueError(f"{name} is no table: call predict({name}=...) in Python.")
    return found


def table(about: dict, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """Predictions by column, and the class where they score classes."""
    found = columns_of(about["prediction"], predicted)
    if about["classes"]:
        found["class"] = np.array(about["classes"], dtype=object)[predicted.argmax(-1)]
    return found


def _write(columns: dict[str, np.ndarray], path: Path | None) -> None:
    stream = sys.stdout if path is None else path.open("w", newline="", encoding="utf-8")
    try:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(array.tolist() for array in columns.values())))
    finally:
        if path is not None:
            stream.close()

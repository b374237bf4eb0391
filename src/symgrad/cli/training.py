"""`symgrad train`: a model of one's own by a TOML file, or a network on the digits, by derived kernels."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from ..api import program
from ..errors import SymgradError
from ..library.models import mlp
from . import arguments as kinds
from .arguments import need_folder

EXAMPLES = """\
examples:
  symgrad train iris.toml                       a model, data, optimiser and schedule in a file (docs/training.md);
                                                "every = 100" in its [fit] shows the loss every 100 steps
  symgrad train digits                          one run with the defaults, the curve in digits.png
  symgrad train digits --seeds 5                the five seeds 0 to 4, and their mean accuracy
  symgrad train digits --seeds 5 --compare      beside scikit-learn's MLPClassifier
  symgrad train digits --epochs 20 --lr 0.005 --out curve.png

Needs the extra:  pip install "symgrad[train]" """

DIGITS = {
    "epochs": 60, "batch_size": 64, "lr": 2e-3, "seed": 0, "seeds": None, "compare": False, "out": Path("digits.png"),
    "save": None,
}  # fmt: skip


def add(command) -> None:
    """The command `train`."""
    train = command("train", run, "Train a network on real data by derived kernels.", EXAMPLES)
    train.add_argument("name", metavar="NAME", type=_task, help="digits, or a file that ends in .toml")
    train.add_argument("--epochs", type=kinds.positive, help="passes over the data (default 60)")
    train.add_argument("--batch-size", type=kinds.positive, help="examples in a step (default 64)")
    train.add_argument("--lr", type=kinds.rate, help="Adam's learning rate (default 0.002)")
    train.add_argument("--seed", type=kinds.seed, help="of the split, the start and the order (default 0)")
    train.add_argument("--seeds", type=kinds.positive, help="run this many seeds, 0, 1, ..., and print the mean")
    train.add_argument("--compare", action="store_true", help="score scikit-learn's MLPClassifier on the same splits")
    train.add_argument("--out", type=Path, metavar="FILE", help="the loss curve (PNG)")
    train.add_argument("--save", type=Path, metavar="FILE", help="the trained parameters of the last run (.npz)")
    train.set_defaults(**DIGITS)


def _task(text: str) -> str:
    if text != "digits" and not text.endswith(".toml"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither digits nor a file that ends in .toml")
    return text


def _recipe(arguments) -> int:
    """Train as the file says; the same as the call in Python."""
    given = [n for n, value in DIGITS.items() if getattr(arguments, n) != value]
    if given:
        option = given[0].replace("_", "-")
        raise SymgradError(f"--{option} is for digits: write it into {arguments.name}.")
    from ..train.recipe import recipe  # noqa: PLC0415  (loads Numba)

    made = recipe(arguments.name)
    fit = made.run(progress=True)
    print(fit.table())
    for name, path in made.output.items():
        print(f"{name}: {path}")
    return 0


def run(arguments) -> int:
    if arguments.name != "digits":
        return _recipe(arguments)
    for path in filter(None, (arguments.out, arguments.save)):
        need_folder(path)
    from ..train.curve import save_curve  # noqa: PLC0415  (loads Numba)
    from ..train.digits import sklearn_accuracy, train_digits  # noqa: PLC0415

    certificate = program(mlp(*"djhk")).gradient("L").verify()
    print(f"certificate of the gradient, on small shapes:\n{certificate}\n", flush=True)
    if not certificate.ok:
        return 1
    seeds = list(range(arguments.seeds) if arguments.seeds else [arguments.seed])
    options = {"epochs": arguments.epochs, "batch_size": arguments.batch_size, "lr": arguments.lr}
    results = []
    for seed in seeds:
        results.append(train_digits(seed, progress=True, **options))
        print(_report(results[-1]), flush=True)
    span = f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds 0 to {seeds[-1]}"
    print(f"mean test accuracy, {span}: {_percent(r.accuracy for r in results)}")
    if arguments.compare:
        print(f"scikit-learn's MLPClassifier on the same splits: {_percent(map(sklearn_accuracy, seeds))}")
    print(f"loss curve: {save_curve([r.fit.history for r in results], arguments.out, 'digits')}")
    if arguments.save:
        print(f"parameters: {results[-1].fit.save(arguments.save)}")
    return 0


def _percent(accuracies: Iterable[float]) -> str:
    return f"{100 * fmean(accuracies):.2f} %"


def _report(result) -> str:
    last = result.fit.history[-1]
    return (
        f"seed {result.seed}: train loss {last.loss:.4f}, validation loss {last.validation_loss:.4f}, "
        f"test accuracy {100 * result.accuracy:.2f} %, {result.seconds:.1f} s for {last.number} epochs"
    )

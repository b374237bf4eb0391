"""The command line: `symgrad list | derive | verify | train`.

Exit codes: 0 all is well; 1 a certificate failed, or training did; 2 the command or its input was wrong.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean

from .api import Program, program
from .errors import DataError, SymgradError
from .functions import ROWS
from .library.entry import GROUPS
from .library.gallery import GALLERY, entry
from .library.models import mlp
from .typeset import Code, document

EXAMPLES = {
    "": """\
examples:
  symgrad list                                  what can be derived
  symgrad derive softmax_cross_entropy          the derivation as LaTeX
  symgrad derive mlp_backprop --out mlp.html    as a page for the browser
  symgrad verify                                check every derivation of the gallery
  symgrad train digits                          train a network on real handwritten digits

exit codes: 0 all is well; 1 a certificate or a training run failed; 2 the command or its input was wrong""",
    "derive": """\
examples:
  symgrad derive sigmoid                        LaTeX on standard output
  symgrad derive gaussian_kl --format md        Markdown
  symgrad derive adam --out adam.html           the suffix chooses the format""",
    "verify": """\
examples:
  symgrad verify                                every entry of the gallery
  symgrad verify linear_regression              one, with its table
  symgrad verify --ulp                          the error of every function and derivative, in units of the last place
  symgrad verify gelu --ulp                     of one function

The certificate compares the derived equations with finite differences, complex steps, exact arithmetic, mpmath and
the compiled kernel, on small random shapes. The exit code is 1 if any of them disagrees.""",
    "train": """\
examples:
  symgrad train digits                          one run with the defaults, the curve in digits.png
  symgrad train digits --seeds 5                the five seeds 0 to 4, and their mean accuracy
  symgrad train digits --seeds 5 --compare      beside scikit-learn's MLPClassifier
  symgrad train digits --epochs 20 --lr 0.005 --out curve.png

Needs the extra:  pip install "symgrad[train]" """,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except DataError as error:
        print(f"symgrad: {error}", file=sys.stderr)
        return 1
    except (SymgradError, OSError) as error:
        print(f"symgrad: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("symgrad: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    about = "Write the loss as mathematics; get its derivation, its LaTeX, and kernels that train."
    parser = argparse.ArgumentParser("symgrad", description=about, epilog=EXAMPLES[""], formatter_class=layout)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name, run, summary):
        epilog = EXAMPLES.get(name)
        sub = commands.add_parser(name, help=summary, description=summary, epilog=epilog, formatter_class=layout)
        sub.set_defaults(run=run)
        return sub

    command("list", _list, "List the derivations of the gallery.")
    derive = command("derive", _derive, "Print a derivation, every step with its rule.")
    derive.add_argument("name", metavar="NAME", help="an entry of the gallery (see symgrad list)")
    formats = ["latex", "md", "html"]
    derive.add_argument("--format", choices=formats, default="latex", help="on standard output (default latex)")
    derive.add_argument("--out", type=Path, metavar="FILE", help="write a document: .md, .html, .tex or .pdf")
    verify = command("verify", _verify, "Check derivations numerically and exactly.")
    verify.add_argument("name", metavar="NAME", nargs="?", help="an entry of the gallery; all of them if left out")
    verify.add_argument("--ulp", action="store_true", help="measure every function against mpmath instead, as Markdown")
    verify.add_argument("--points", type=_positive, default=2000, help="of each function, for --ulp (default 2000)")
    verify.add_argument("--seed", type=_seed, default=0, help="of the random inputs (default 0)")
    _train_options(command("train", _train, "Train a network on real data by derived kernels."))
    return parser


def _train_options(train: argparse.ArgumentParser) -> None:
    train.add_argument("name", metavar="NAME", choices=["digits"], help="the task: digits")
    train.add_argument("--epochs", type=_positive, default=60, help="passes over the data (default 60)")
    train.add_argument("--batch-size", type=_positive, default=64, help="examples in a step (default 64)")
    train.add_argument("--lr", type=_rate, default=2e-3, help="Adam's learning rate (default 0.002)")
    train.add_argument("--seed", type=_seed, default=0, help="of the split, the start and the order (default 0)")
    train.add_argument("--seeds", type=_positive, help="run this many seeds, 0, 1, ..., and print the mean")
    train.add_argument("--compare", action="store_true", help="score scikit-learn's MLPClassifier on the same splits")
    train.add_argument("--out", type=Path, default=Path("digits.png"), metavar="FILE", help="the loss curve (PNG)")
    train.add_argument("--save", type=Path, metavar="FILE", help="the trained parameters of the last run (.npz)")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:  # scikit-learn takes 32 bits
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {2**32 - 1}")
    return int(text)


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0, such as 0.002")
    return value


def _list(arguments) -> int:
    width = max(map(len, GALLERY))
    for group in GROUPS:
        print(group.upper())
        for item in GALLERY.values():
            if item.group == group:
                print(f"  {item.name:{width}}  {item.summary}")
    return 0


def derived(name: str) -> Program:
    """The program of a gallery entry with what is derived from it."""
    item = entry(name)
    return getattr(program(item.text), item.verb)(item.output, item.wrt)


def _text(result: Program, format: str) -> str:
    """The derivation as text: latex, md or html."""
    derivation = result.derivation
    return {"latex": derivation.latex, "md": derivation.markdown, "html": derivation.html}[format]()


def _need_folder(path: Path) -> None:
    """SymgradError where the folder of a file to be written does not exist: a slip of the keys makes no folders."""
    if not path.parent.is_dir():
        raise SymgradError(f"{path}: the folder {path.parent} does not exist. Make it first, or write elsewhere.")


def _write(name: str, result: Program, path: Path) -> None:
    """A document in the format of the suffix of `path`: what is derived, the model, the derivation."""
    item = entry(name)
    _need_folder(path)
    sections = [("", item.summary), ("Model", Code(item.text)), ("Derivation", result.derivation)]
    if item.reference:
        sections.append(("Reference", item.reference))
    document(item.name.replace("_", " ").capitalize(), sections, path)
    print(f"wrote {path}", file=sys.stderr)


def _derive(arguments) -> int:
    if arguments.out is not None:
        _need_folder(arguments.out)
    result = derived(arguments.name)
    if arguments.out is not None:
        _write(arguments.name, result, arguments.out)
    else:
        print(_text(result, arguments.format))
    return 0


def _verify(arguments) -> int:
    if arguments.ulp:
        return _ulp(arguments)
    chosen = [arguments.name] if arguments.name else list(GALLERY)
    failed = [name for name in chosen if not _verified(name, arguments.seed)]
    if failed:
        print(f"symgrad: the certificate failed for {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _ulp(arguments) -> int:
    """The accuracy table; the exit code is 1 where a stated bound does not hold."""
    from .verify import ulp  # noqa: PLC0415  (loads Numba)

    if arguments.name is not None and arguments.name not in ROWS:
        raise SymgradError(f"there is no function {arguments.name}; there are {', '.join(ROWS)}.")
    failed = 0
    print(ulp.HEAD)
    for line in ulp.table([arguments.name] if arguments.name else list(ROWS), arguments.points, arguments.seed):
        failed += not line.ok
        print(line, flush=True)
    return int(failed > 0)


def _verified(name: str, seed: int) -> bool:
    certificate = derived(name).verify(seed=seed)
    print(f"{name}: {'verified' if certificate.ok else 'FAILED'}\n{certificate}\n")
    return certificate.ok


def script(name: str, argv: Sequence[str] | None = None) -> int:
    """What each file of `derivations/` runs: print the derivation as LaTeX, write a document, verify."""
    parser = argparse.ArgumentParser(description=entry(name).summary)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write a document: .md, .html, .tex or .pdf")
    arguments = parser.parse_args(argv)
    try:
        result = derived(name)
        print(_text(result, "latex"))
        if arguments.out is not None:
            _write(name, result, arguments.out)
        certificate = result.verify()
    except (SymgradError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    print(certificate, file=sys.stderr)
    return 0 if certificate.ok else 1


def _train(arguments) -> int:
    for path in filter(None, (arguments.out, arguments.save)):
        _need_folder(path)
    from .train.curve import save_curve  # noqa: PLC0415  (loads Numba)
    from .train.digits import sklearn_accuracy, train_digits  # noqa: PLC0415

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


if __name__ == "__main__":
    raise SystemExit(main())

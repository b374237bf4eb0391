"""`symgrad list`, `derive`, `verify`: the derivations of the gallery, and of a model in a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .. import book
from ..api import program
from ..errors import SymgradError
from ..functions import ROWS
from ..library.entry import GROUPS, Entry
from ..library.gallery import GALLERY, entry
from . import arguments as kinds
from .arguments import need_folder

DERIVE = """\
examples:
  symgrad derive sigmoid                        LaTeX on standard output
  symgrad derive gaussian_kl --format md        Markdown
  symgrad derive adam --out adam.html           the suffix chooses the format
  symgrad derive model.txt --of L --by W,b      of a model of yours: a file with its text
  symgrad derive model.txt --verb hessian       its second derivatives
  symgrad derive --all --out book               every entry as one book, book/book.html
  symgrad derive --all --out book --format pdf  the same by pdflatex

A model's file has one declaration or equation on each line, as docs/notation.md says."""
VERBS = ("gradient", "jacobian", "hessian")
VERIFY = """\
examples:
  symgrad verify                                every entry of the gallery
  symgrad verify linear_regression              one, with its table
  symgrad verify model.txt --of L               a model of yours
  symgrad verify --ulp                          the error of every function and derivative, in units of the last place
  symgrad verify gelu --ulp                     of one function

The certificate compares the derived equations with finite differences, complex steps, exact arithmetic, mpmath and
the compiled kernel, on small random shapes. The exit code is 1 if any of them disagrees."""


def add(command) -> None:
    """The commands `list`, `derive` and `verify`."""
    command("list", _list, "List the derivations of the gallery.")
    derive = command("derive", _derive, "Print a derivation, every step with its rule.", DERIVE)
    named = "an entry of the gallery (see symgrad list), or a model's file"
    derive.add_argument("name", metavar="NAME", nargs="?", help=named)
    derive.add_argument("--all", action="store_true", help="every entry, as one book with contents and an index")
    derivative_options(derive)
    formats = ["latex", "md", "html", "pdf"]
    derive.add_argument("--format", choices=formats, help="default: latex on standard output, html for a book")
    derive.add_argument("--out", type=Path, metavar="PATH", help="a file (.md, .html, .tex, .pdf), or a book's folder")
    verify = command("verify", _verify, "Check derivations numerically and exactly.", VERIFY)
    verify.add_argument("name", metavar="NAME", nargs="?", help="an entry, or a model's file; all entries if left out")
    derivative_options(verify)
    verify.add_argument("--ulp", action="store_true", help="measure every function against mpmath instead, as Markdown")
    verify.add_argument("--points", type=kinds.positive, default=2000, help="of a function with --ulp (default 2000)")
    verify.add_argument("--seed", type=kinds.seed, default=0, help="of the random inputs (default 0)")


def derivative_options(command) -> None:
    command.add_argument("--of", metavar="TENSOR", help="what is differentiated (default: the model's one output)")
    command.add_argument("--by", metavar="NAMES", help="by what, as in W,b (default: every parameter)")
    command.add_argument("--verb", choices=VERBS, help="what is derived (default gradient)")


def _list(arguments) -> int:
    width = max(map(len, GALLERY))
    for group in (g for g in GROUPS if any(item.group == g for item in GALLERY.values())):
        print(group.upper())
        for item in GALLERY.values():
            if item.group == group:
                print(f"  {item.name:{width}}  {item.summary}")
    return 0


def _chosen(arguments) -> Entry:
    """The entry that the command line means: of the gallery or a file, with the options in it."""
    path = Path(arguments.name)
    item = entry(arguments.name) if arguments.name in GALLERY or not path.is_file() else _from_file(path, arguments.of)
    changes = {"output": arguments.of, "verbs": (arguments.verb,) if arguments.verb else None}
    changes["wrt"] = tuple(name.strip() for name in arguments.by.split(",")) if arguments.by else None
    return replace(item, **{key: value for key, value in changes.items() if value})


def _from_file(path: Path, output: str | None) -> Entry:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SymgradError(f"{path} is not a text in UTF-8. A model's file has an equation on each line.") from None
    outputs = list(program(text).outputs)
    if output is None and len(outputs) > 1:
        raise SymgradError(f"{path} has the outputs {', '.join(outputs)}: say which one, as in --of {outputs[0]}.")
    return Entry(path.stem, "", f"The derivative of {output or outputs[0]}.", text, output or outputs[0])


def _write(item: Entry, path: Path) -> None:
    """A document in the format of the suffix of `path`."""
    need_folder(path)
    book.write(item, path)
    print(f"wrote {path}", file=sys.stderr)


def _derive(arguments) -> int:
    if arguments.all == bool(arguments.name):
        raise SymgradError("name one entry, as in symgrad derive sigmoid, or pass --all.")
    if arguments.out is not None:
        need_folder(arguments.out)
    if arguments.all:
        return _book(arguments.out, arguments.format or "html")
    item = _chosen(arguments)
    if arguments.out is not None:
        _write(item, arguments.out)
    elif arguments.format == "pdf":
        raise SymgradError(f"a PDF is written to a file: symgrad derive {item.name} --out {item.name}.pdf")
    else:
        print(book.text(item, arguments.format or "latex"))
    return 0


def _book(folder: Path | None, format: str) -> int:
    """Every entry; its name goes to standard error as it is derived."""
    if folder is None:
        raise SymgradError("a book needs a folder: symgrad derive --all --out book")
    path = book.write_book(GALLERY.values(), folder, format, lambda item: print(item.name, file=sys.stderr))
    print(f"wrote {path}", file=sys.stderr)
    return 0


def _verify(arguments) -> int:
    if arguments.ulp:
        return _ulp(arguments)
    chosen = [_chosen(arguments)] if arguments.name else list(GALLERY.values())
    failed = [item.name for item in chosen if not _verified(item, arguments.seed)]
    if failed:
        print(f"symgrad: the certificate failed for {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _ulp(arguments) -> int:
    """The accuracy table; the exit code is 1 where a stated bound does not hold."""
    from ..verify import ulp  # noqa: PLC0415  (loads Numba)

    if arguments.name is not None and arguments.name not in ROWS:
        raise SymgradError(f"there is no function {arguments.name}; there are {', '.join(ROWS)}.")
    failed = 0
    print(ulp.HEAD)
    for line in ulp.table([arguments.name] if arguments.name else list(ROWS), arguments.points, arguments.seed):
        failed += not line.ok
        print(line, flush=True)
    return int(failed > 0)


def _verified(item: Entry, seed: int) -> bool:
    try:
        found = [book.certificate(one, seed) for one in book.derived(item)]
    except SymgradError as error:  # the other entries are verified all the same
        print(f"{item.name}: FAILED\n{error}\n")
        return False
    ok = all(certificate.ok for certificate in found)
    print(f"{item.name}: {'verified' if ok else 'FAILED'}")
    for certificate in found:
        print(f"{certificate}\n")
    return ok


def script(name: str, argv: Sequence[str] | None = None) -> int:
    """What each file of `derivations/` runs: print the derivation as LaTeX, write a document, verify."""
    parser = argparse.ArgumentParser(description=entry(name).summary)
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write a document: .md, .html, .tex or .pdf")
    arguments = parser.parse_args(argv)
    try:
        print(book.text(entry(name), "latex"))
        if arguments.out is not None:
            _write(entry(name), arguments.out)
        found = [book.certificate(one) for one in book.derived(entry(name))]
    except (SymgradError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    for certificate in found:
        print(certificate, file=sys.stderr)
    return 0 if all(certificate.ok for certificate in found) else 1

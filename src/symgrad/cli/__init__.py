"""The command line: `symgrad list | derive | verify | train | compile | cache | bench | info`, in groups.

Exit codes: 0 all is well; 1 a certificate failed, or training did; 2 the command or its input was wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ..errors import DataError, SymgradError
from . import compiling, gallery, machine, training
from .gallery import script

__all__ = ["main", "script"]

GROUPS = (gallery, training, compiling, machine)
EXAMPLES = """\
examples:
  symgrad list                                  what can be derived
  symgrad derive softmax_cross_entropy          the derivation as LaTeX
  symgrad derive mlp_backprop --out mlp.html    as a page for the browser
  symgrad verify                                check every derivation of the gallery
  symgrad train digits                          train a network on real handwritten digits
  symgrad compile model.txt --emit              the kernels of a program, as text
  symgrad info                                  what they can run on here
  symgrad cache info                            how much compiled code is kept, and where
  symgrad bench                                 the benchmarks; symgrad bench NAME runs one

exit codes: 0 all is well; 1 a certificate or a training run failed; 2 the command or its input was wrong"""


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
    parser = argparse.ArgumentParser("symgrad", description=about, epilog=EXAMPLES, formatter_class=layout)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name, run, summary, examples=""):
        sub = commands.add_parser(name, help=summary, description=summary, epilog=examples, formatter_class=layout)
        sub.set_defaults(run=run)
        return sub

    for group in GROUPS:
        group.add(command)
    return parser

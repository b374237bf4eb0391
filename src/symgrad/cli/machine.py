"""`symgrad cache`, `symgrad bench`: compiled kernels on the disk, and how fast they are."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from ..errors import SymgradError

CACHE = """\
examples:
  symgrad cache info                            the folder, the number of kernels, their size
  symgrad cache clear                           remove them; they are compiled again when needed

The folder is $SYMGRAD_CACHE_DIR, or the user's cache folder."""
BENCH = """\
examples:
  symgrad bench                                 the questions that there is a benchmark for
  symgrad bench compile                         derive, emit and compile times
  symgrad bench cross_entropy --case 4096x10    options behind the name are the benchmark's own (--help shows them)

Benchmarks are files of the source checkout. Peers (jax, torch) are measured where they are installed."""


def add(command) -> None:
    """The commands `cache` and `bench`."""
    kept = command("cache", _cache, "Show or clear the compiled kernels on the disk.", CACHE)
    kept.add_argument("action", choices=["info", "clear"])
    bench = command("bench", _bench, "Run a benchmark of the source checkout.", BENCH)
    bench.add_argument("name", metavar="NAME", nargs="?", help="a file of benchmarks/; all are listed if left out")
    bench.add_argument("options", nargs=argparse.REMAINDER, help="the benchmark's own options")


def _cache(arguments) -> int:
    from ..kernels import cache  # noqa: PLC0415  (loads Numba)

    clear = arguments.action == "clear"
    found = cache.clear() if clear else cache.kept()
    print(f"{found.folder}: {found.kernels} kernels, {found.bytes / 2**20:.1f} MiB{' removed' if clear else ''}")
    return 0


def _bench(arguments) -> int:
    """Run a file of `benchmarks/`: below the current folder, else of the checkout that this package is part of."""
    places = [Path.cwd() / "benchmarks", Path(__file__).resolve().parents[3] / "benchmarks"]
    folder = next((p for p in places if (p / "paired.py").exists()), None)
    if folder is None:
        raise SymgradError("the benchmarks are files of the source checkout: run this in its folder.")
    files = {p.stem: p for p in sorted(folder.glob("*.py")) if p.stem != "paired"}
    if arguments.name is None:
        for name, path in files.items():
            question = path.read_text(encoding="utf-8").splitlines()[0].strip('"')
            print(f"{name:16}{question}")
        return 0
    if arguments.name not in files:
        raise SymgradError(f"there is no benchmark {arguments.name}; there are {', '.join(files)}.")
    return subprocess.run([sys.executable, str(files[arguments.name]), *arguments.options], check=False).returncode

"""Which derivations of the test-suite and of the gallery take longest?

    python benchmarks/slowest.py

Every program of tests/catalogue.py: its reading, its gradient and its Hessian-vector product, each with the display and
the kernel form; the Hessian by its first parameter and, as the law of second order takes it, the gradient of the
gradient times a vector; and every entry of the gallery. Seconds of processor time, each derivation once and from cold:
what SymPy and this library remember of earlier ones is forgotten before it.
"""

from __future__ import annotations

import functools
import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "laws")]

from catalogue import CATALOGUE  # noqa: E402
from sympy.core.cache import clear_cache  # noqa: E402
from test_second_order import SMOOTH, along  # noqa: E402

import symgrad as sg  # noqa: E402
from symgrad import book  # noqa: E402
from symgrad.library.gallery import GALLERY, entry  # noqa: E402

LINES = 20
LIMIT = 2.0


def closed(derived: sg.Program) -> None:
    _ = derived.display, derived.kernel


def twice(program: sg.Program, output: str, wrt: str) -> sg.Program:
    return along(program.gradient(output, wrt), output, wrt).gradient("G", wrt)


def derivations() -> Iterator[tuple[str, Callable[[], object]]]:
    for item in CATALOGUE:
        program = item.program()
        if not item.build:
            yield f"{item.name}: reading", lambda text=item.text: sg.program(text)
        yield f"{item.name}: gradient", lambda p=program, i=item: closed(p.gradient(i.output))
        yield f"{item.name}: Hessian times vector", lambda p=program, i=item: closed(p.hvp(i.output, i.first))
        if item.name in SMOOTH:
            yield f"{item.name}: Hessian", lambda p=program, i=item: closed(p.hessian(i.output, i.first))
            yield f"{item.name}: reverse over reverse", lambda p=program, i=item: closed(twice(p, i.output, i.first))
    for name in GALLERY:
        yield f"gallery: {name}", lambda name=name: [str(found) for found in book.derived(entry(name))]


def forget() -> None:
    clear_cache()
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and found.__module__.startswith("symgrad.calculus"):
            found.cache_clear()


def seconds(run: Callable[[], object]) -> float:
    forget()
    start = time.process_time()
    run()
    return time.process_time() - start


def main() -> None:
    times = sorted(((seconds(run), name) for name, run in derivations()), reverse=True)
    print(f"{len(times)} derivations, {sum(t for t, _ in times):.0f} s in all; "
          f"{sum(t > LIMIT for t, _ in times)} take more than {LIMIT:.0f} s; the slowest {LINES}:\n")
    for taken, name in times[:LINES]:
        print(f"{taken:6.2f} s  {name}")


if __name__ == "__main__":
    main()

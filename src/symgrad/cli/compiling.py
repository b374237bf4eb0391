"""`symgrad compile` and `symgrad info`: the generated kernels of a program in a file, and what runs them here."""

from __future__ import annotations

import platform
from pathlib import Path

from ..api import Program, need, program
from ..errors import SymgradError
from ..library.gallery import GALLERY
from .gallery import derivative_options

EXAMPLES = """\
examples:
  symgrad compile model.txt --emit                         the CPU's kernels of the model as Python text
  symgrad compile model.txt --of L --emit                  of the gradient of L
  symgrad compile model.txt --of L --target cuda --emit    the GPU's, and their PTX; needs no GPU
  symgrad compile model.txt --of L --target cuda           registers and memory of each kernel
  symgrad compile model.txt --target cuda --arch sm_80     for another architecture

FILE holds a program in the notation (see docs/notation.md); an entry of the gallery may take its place."""
INFO = """\
examples:
  symgrad info                                  versions, threads, BLAS, GPU, and what to install for what is missing"""


def add(command) -> None:
    """The commands `compile` and `info`."""
    sub = command("compile", run, "Print the generated kernels of a program.", EXAMPLES)
    sub.add_argument("file", metavar="FILE", help="a text file with a program, or an entry of the gallery")
    derivative_options(sub)
    sub.add_argument("--target", choices=["cpu", "cuda"], default="cpu", help="what runs the kernels (default cpu)")
    sub.add_argument("--dtype", choices=["float64", "float32"], default="float64", help="(default float64)")
    sub.add_argument("--emit", action="store_true", help="print source (and, for cuda, PTX)")
    sub.add_argument("--arch", default="sm_90", metavar="ARCH", help="of the PTX: sm_80, sm_90, sm_100 (default sm_90)")
    command("info", info, "Say what kernels can run on here.", INFO)


def _program(arguments) -> Program:
    path = Path(arguments.file)
    if path.is_file():
        found = program(path.read_text(encoding="utf-8"))
    elif arguments.file in GALLERY:
        found = program(GALLERY[arguments.file].text)
    else:
        fix = "Pass a text file with a program, or a name that `symgrad list` shows."
        raise SymgradError(f"{arguments.file} is no file here and not in the gallery. {fix}")
    if arguments.of is None:
        return found
    by = tuple(name.strip() for name in arguments.by.split(",")) if arguments.by else None
    return getattr(found, arguments.verb or "gradient")(arguments.of, by)


def run(arguments) -> int:
    result = _program(arguments)
    for name in result.outputs:
        need(result.kernel, name)
    if arguments.target == "cpu":
        return _cpu(result, arguments)
    return _cuda(result, arguments)


def _cpu(result: Program, arguments) -> int:
    source = result.compile("cpu", arguments.dtype).source
    print(source if arguments.emit else source.split('"""')[1].strip())
    return 0


def _cuda(result: Program, arguments) -> int:
    from ..kernels.device import offline_kernel  # noqa: PLC0415  (loads Numba)

    kernel = offline_kernel(result.kernel, arguments.dtype)
    if arguments.emit:
        print(kernel.source, flush=True)
    for compiled in kernel.ptx(arguments.arch):
        if arguments.emit:
            print(f"// {compiled.name}\n{compiled.ptx}\n", flush=True)
        else:
            found = compiled.resources()
            text = f"{found.registers} registers, {found.shared} bytes of shared memory, {found.spilled} bytes spilled"
            print(f"{compiled.name}: {text}", flush=True)
    return 0


def info(arguments) -> int:
    """Every part with its version, and for each that is missing what to do."""
    from ..kernels import environment  # noqa: PLC0415  (loads Numba)

    print(f"Python {platform.python_version()}, {platform.platform()}")
    for part in environment.parts():
        print(f"{part.name}: {part.found}" if part.found else f"{part.name}: missing. {part.fix}")
    return 0

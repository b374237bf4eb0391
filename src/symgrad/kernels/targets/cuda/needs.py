"""What a GPU needs and what of it is here, in words."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass

from numba.core import config

from ....errors import SymgradError, explain

INSTALL = 'pip install "symgrad[gpu]"'
DRIVER = "Install NVIDIA's driver (version 580 or later); `nvidia-smi` then lists the GPU."
WITHOUT = (
    "Without a GPU: `symgrad compile FILE --target cuda --emit` shows the kernels and their PTX, "
    'NUMBA_ENABLE_CUDASIM=1 runs small ones in Numba\'s simulator, and target="cpu" runs everything.'
)


@dataclass(frozen=True)
class Part:
    """One thing that is needed: what was found (empty: nothing), and what to do where it is missing."""

    name: str
    found: str
    fix: str


def simulated() -> bool:
    """Is Numba's simulator in the GPU's place (NUMBA_ENABLE_CUDASIM=1 before Numba was imported)?"""
    return bool(config.ENABLE_CUDASIM)


def parts() -> list[Part]:
    """Packages, compiler, driver."""
    return [
        Part("package numba-cuda", _version("numba-cuda"), INSTALL),
        Part("CUDA compiler (NVVM)", _compiler(), INSTALL),
        Part("NVIDIA driver and GPU", _device(), DRIVER),
    ]


def need_compiler() -> None:
    """SymgradError unless PTX can be made here."""
    if simulated():
        fix = "Start Python without NUMBA_ENABLE_CUDASIM."
        raise SymgradError(explain("PTX cannot be made here: Numba's simulator stands in for its compiler.", fix=fix))
    _need(parts()[:2], "PTX cannot be made here")


def need_device() -> None:
    """SymgradError unless kernels can run here, on a GPU or in the simulator."""
    if not simulated():
        _need(parts(), "CUDA kernels cannot run here")


def _need(wanted: list[Part], summary: str) -> None:
    missing = [p for p in wanted if not p.found]
    if missing:
        fixes = "; ".join(dict.fromkeys(p.fix for p in missing))
        names = " and no ".join(p.name for p in missing)
        raise SymgradError(explain(f"{summary}: there is no {names}.", fix=f"{fixes}\n{WITHOUT}"))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _compiler() -> str:
    if importlib.util.find_spec("numba_cuda") is None:
        return ""
    try:
        from cuda.bindings import nvvm  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

        return "NVVM {}.{}".format(*nvvm.version())
    except Exception:  # whatever a half-installed toolkit raises: it is not usable
        return ""


def _device() -> str:
    try:
        from numba import cuda  # noqa: PLC0415  (fails without the toolkit's libraries)

        if simulated() or not cuda.is_available():
            return ""
        device = cuda.get_current_device()
        name = device.name.decode() if isinstance(device.name, bytes) else device.name
        major, minor = device.compute_capability
        return f"{name}, compute capability {major}.{minor}"
    except Exception:  # as above
        return ""


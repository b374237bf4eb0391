"""What kernels can run on here, part by part: packages, threads, BLAS, GPU."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version

import numba

from . import cache, threads
from .targets import cpu
from .targets.cuda import needs
from .targets.cuda.needs import Part


def parts() -> list[Part]:
    """The parts that matter for speed, and those that a GPU needs."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("numba", "llvmlite", "numpy", "scipy", "sympy"))
    found = [
        Part("packages", versions, ""),
        Part("compiled kernels are kept in", str(cache.directory()), ""),
        Part("processor cores for threads", f"{numba.config.NUMBA_NUM_THREADS} of {os.cpu_count()}", ""),  # pyright: ignore
        Part("threading layer", _threads(), 'Install one: pip install tbb. Without it parallel kernels wait longer.'),
        Part("BLAS of SciPy", "OpenBLAS, one thread in a kernel" if cpu._openblas() else "", "Another BLAS is used."),
    ]
    libraries = (f"{name} {_version(name)}" for name in ("nvidia-cublas", "cupy-cuda13x") if _version(name))
    fix = 'Optional: pip install "cuda-toolkit[cublas]==13.0.*"; without it they run in a generated kernel.'
    optional = Part("cuBLAS (matrix products on a GPU)", ", ".join(libraries), fix)
    return [*found, *needs.parts(), optional]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _threads() -> str:
    """The layer that Numba has here."""
    try:
        return threads.pool().layer
    except (ValueError, RuntimeError):
        return ""

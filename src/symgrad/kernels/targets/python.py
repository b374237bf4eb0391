"""No target at all: the same text, run by Python. `math` is replaced by one that returns inf and NaN instead of
raising.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy

from ...functions.vector import OPERATIONS, machine
from .cpu_text import FAR
from .table import Target


def _typed(function):
    """Keep float32 in float32, as compiled code does."""

    def call(*args):
        value = function(*args)
        return args[0].dtype.type(value) if isinstance(args[0], np.floating) else np.float64(value)

    return call


def _special(name: str):
    """The function `scipy.special.<name>`, imported when first called: a compiled kernel never needs it."""
    return _typed(lambda *args: getattr(scipy.special, name)(*args))


QUIET = SimpleNamespace(
    inf=np.inf, nan=np.nan, pi=np.pi,
    isfinite=np.isfinite, isnan=np.isnan, isinf=np.isinf, floor=np.floor, fabs=np.fabs,
    copysign=np.copysign, frexp=np.frexp, **{name: _typed(getattr(np, name)) for name in (
        "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "tanh",
    )},
    **{f"a{name}": _typed(getattr(np, f"arc{name}")) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    erf=_special("erf"), erfc=_special("erfc"), lgamma=_special("gammaln"), gamma=_special("gamma"),
)  # fmt: skip


def _product(a, turn_a, b, turn_b, c, piece, chunks):
    a, b = a.T if turn_a else a, b.T if turn_b else b
    tall = c.shape[0] >= c.shape[1]
    longer = max(c.shape)
    part = slice(longer * piece // chunks, longer * (piece + 1) // chunks)
    if tall:
        c[part] = a[part] @ b
    else:
        c[:, part] = a @ b[:, part]


def _update(a, first, last, sign, c):
    c += sign * np.tril(a[first:last].T @ a[first:last])


def _symmetric(parts, chunks, c):
    total = parts[:chunks].sum(0)
    c[...] = np.tril(total) + np.tril(total, -1).T


def _lapack(name: str, a, *given):
    (routine,) = scipy.linalg.lapack.get_lapack_funcs((name,), (a,))
    return routine(a.T, *given)


def _getrf(n, a, pivots, like):
    factors, found, info = _lapack("getrf", a)
    a[...], pivots[...] = factors.T, found + 1
    return info


def _getrs(n, columns, a, pivots, b, like):
    found, info = _lapack("getrs", a, pivots - 1, b.T, 1)
    b[...] = found.T
    return info


def _getri(n, a, pivots, work, length, like):
    found, info = _lapack("getri", a, pivots - 1)
    a[...] = found.T
    return info


def _array(array, shape, dtype):
    return array if isinstance(array, list) else array.reshape(shape)


def _perform(stage, chunks, table, places):
    for piece in range(chunks):
        stage(piece, chunks, [table[p] for p in places])


def _once(stage, table, places):
    _perform(stage, 1, table, places)


def _cells(array, count, like):
    return array.reshape(-1)[:count]


def _to_tile(matrix, first, rows, tile, count):
    tile.reshape(count, -1)[:, :rows] = matrix[first : first + rows].reshape(rows, count).T


def _from_tile(matrix, first, rows, tile, count):
    matrix[first : first + rows].reshape(rows, count)[...] = tile.reshape(count, -1)[:, :rows].T


def _aside(target, strip, far):
    return strip if far else target


def _edges(target, strip, tile, here, rows, row):
    target[tile : tile + rows] = strip[here : here + rows]
    return 0, 0, 0


def load(source: str, target: Target) -> dict[str, Any]:
    """The functions of a generated module, un-jitted."""
    scope: dict[str, Any] = {
        "math": QUIET, "np": np, "prange": range, "alone": lambda: None, "product": _product,
        "update": _update, "symmetric": _symmetric, "getrf": _getrf, "getrs": _getrs, "getri": _getri,
        "float32": np.float32, "float64": np.float64, "int32": np.int32, "int64": np.int64, "uint64": np.uint64,
        "f_larger": np.maximum, "f_smaller": np.minimum,
        "higher": lambda a, b: a if a > b else b, "lower": lambda a, b: a if a < b else b,
        "address": lambda array: array, "array": _array, "cells": _cells,
        "to_tile": _to_tile, "from_tile": _from_tile, "perform": _perform, "once": _once,
        "FAR": FAR, "aside": _aside, "edges": _edges, "settled": lambda: None,
        "lines": lambda size, parts: 0, "drained": lambda at, end, shift, size: at, "fetch": lambda *place: None,
        "njit": lambda *args, **options: args[0] if args else (lambda function: function),
    }  # fmt: skip
    scope |= {name: getattr(machine, name) for name in OPERATIONS}
    text = source
    for part in (target.imports, target.fortran, target.blas, target.lapack, target.tiles, target.streams):
        text = text.replace(part.strip(), "", 1)
    exec(compile(text, "<symgrad kernel, un-jitted>", "exec"), scope)  # our own text, made by emit
    return scope

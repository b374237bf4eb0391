"""Arrays in the safetensors format: eight bytes of length, JSON with dtype, shape and place of each array, the bytes.

Reading executes nothing. Source: the format's description in the README of huggingface/safetensors.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

KINDS = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "BOOL": "|b1"}


def write(path: Path, arrays: dict[str, np.ndarray], notes: dict[str, str] | None = None) -> Path:
    """Write float32, float64, int64 and bool arrays."""
    codes = {np.dtype(kind): code for code, kind in KINDS.items()}
    head: dict = {"__metadata__": notes} if notes else {}
    parts, place = [], 0
    for name, array in arrays.items():
        part = np.asarray(array, order="C").tobytes()
        span = [place, place := place + len(part)]
        head[name] = {"dtype": codes[array.dtype.newbyteorder("<")], "shape": list(array.shape), "data_offsets": span}
        parts.append(part)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
    return path


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays by name. ValueError where the file is no such file, or is cut off."""
    data = path.read_bytes()
    try:
        (length,) = struct.unpack("<Q", data[:8])
        head, body, found = json.loads(data[8 : 8 + length]), data[8 + length :], {}
        for name, about in head.items():
            if name != "__metadata__":
                first, last = about["data_offsets"]
                found[name] = np.frombuffer(body[first:last], KINDS[about["dtype"]]).reshape(about["shape"]).copy()
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None
    return found

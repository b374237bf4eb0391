"""TensorBoard event files: the history as scalars, in the file format of TFRecord and two protocol buffers.

    record:  length (8 bytes), masked CRC-32C of it (4), data, masked CRC-32C of the data (4)
    Event:   1 wall_time double, 2 step int64, 3 file_version string, 5 Summary
    Summary: 1 Value, repeated;  Value: 1 tag string, 2 simple_value float

Written by hand: the package that writes them (tensorboard) brings a web server. Sources: tensorflow/core/util/
event.proto, tensorflow/core/framework/summary.proto, tensorflow/core/lib/hash/crc32c.h (the mask).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any

from ..errors import SymgradError
from .epoch import Epoch
from .files import path_of

VERSION = "brain.Event:2"


@cache
def _table() -> list[int]:
    """CRC-32C (Castagnoli, reflected polynomial 0x82F63B78) of each byte."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720, section 12.1.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    table, value = _table(), 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found, value = found + bytes([value & 0x7F | 0x80]), value >> 7
    return found + bytes([value])


def _bytes(field: int, data: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(data)) + data


def event(step: int, scalars: Mapping[str, float], when: float) -> bytes:
    """An event with one value for each name; without names, the first one of a file."""
    head = b"\x09" + struct.pack("<d", when)
    if not scalars:
        return head + _bytes(3, VERSION.encode())
    values = (_bytes(1, tag.encode()) + b"\x15" + struct.pack("<f", value) for tag, value in scalars.items())
    return head + b"\x10" + _varint(step) + _bytes(5, b"".join(_bytes(1, value) for value in values))


def figures(epoch: Epoch) -> dict[str, float]:
    """Tags as TensorBoard groups them: loss/train, loss/validation, accuracy/validation, ..."""
    found = {}
    for name, value in epoch.figures().items():
        bare = name.removeprefix("validation_")
        found[f"{bare}/{'train' if bare == name else 'validation'}"] = value
    return found | {"seconds": epoch.seconds}


@contextmanager
def events(folder: str | Path | None) -> Iterator[Callable[[Epoch, Any], None]]:
    """A callback that writes each epoch into a new event file in `folder`; without a folder it does nothing."""
    if folder is None:
        yield lambda epoch, fit: None
        return
    stream = _open(folder)
    with stream:
        yield lambda epoch, fit: _add(stream, [epoch])


def write_history(history: Iterable[Epoch], folder: str | Path) -> Path:
    """The whole history in one new event file, whose path is returned."""
    stream = _open(folder)
    with stream:
        _add(stream, history)
    return Path(stream.name)


def _open(folder: Any) -> IO[bytes]:
    folder = path_of("tensorboard", folder)
    name = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}.{time.perf_counter_ns()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / name).open("xb")
    except OSError as error:
        raise SymgradError(f"{folder}: event files cannot be written there: {error.strerror or error}.") from None
    stream.write(record(event(0, {}, time.time())))
    return stream


def _add(stream: IO[bytes], history: Iterable[Epoch]) -> None:
    try:
        for epoch in history:
            stream.write(record(event(epoch.number, figures(epoch), time.time())))
        stream.flush()
    except OSError as error:
        raise SymgradError(f"{stream.name} could not be written: {error.strerror or error}.") from None

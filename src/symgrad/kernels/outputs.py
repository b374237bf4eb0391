"""What a kernel returns: results by name, also as attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import UnknownNameError, did_you_mean


class UnknownOutputError(UnknownNameError, KeyError):
    """A result that the kernel does not have; also a KeyError, as mappings raise it."""

    def __str__(self) -> str:  # KeyError would show the text in quotes
        return str(self.args[0])


class Outputs(Mapping):
    """The results by name, also as attributes: `out["dL_dW"]` and `out.dL_dW`."""

    def __init__(self, values: dict[str, Any]):
        self._values = values

    def __getitem__(self, name: str):
        if name in self._values:
            return self._values[name]
        raise UnknownOutputError(_no_output(name, self._values))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str):
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        raise AttributeError(_no_output(name, values))

    def __repr__(self) -> str:
        return f"Outputs({', '.join(self._values)})"


def _no_output(name, known: Mapping) -> str:
    return f"there is no output {name}; the outputs are {', '.join(known)}. {did_you_mean(str(name), known)}".rstrip()

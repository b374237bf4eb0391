r"""What a tensor is called on paper.

`mu` is \mu, `z1[n,k]` is z^{(1)}_{n,k}, `w_next` is w', `dL_dW[d,k]` is \frac{\partial L}{\partial W_{d,k}}.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from ..ir.system import Call, System

_GREEK = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi
psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"""
GREEK = {name: "\\" + name for name in _GREEK.split()} | {
    "lam": r"\lambda",
    "lamda": r"\lambda",
    "eps": r"\varepsilon",
    "epsilon": r"\varepsilon",
    "ell": r"\ell",
}
ACCENTS = {"bar": r"\bar", "hat": r"\hat", "tilde": r"\tilde", "dot": r"\dot", "ddot": r"\ddot"}
PRIMES = ("next", "prime")


@dataclass(frozen=True)
class Symbol:
    """A name taken apart: `W1_bar` has the letter W, the tag 1 and the accent bar; `w_next` has a prime."""

    letter: str  # LaTeX
    tags: tuple[str, ...] = ()  # what is left of the name, as written
    accents: tuple[str, ...] = ()  # keys of ACCENTS
    primes: int = 0

    @property
    def core(self) -> str:
        core = self.letter
        for accent in self.accents:
            core = rf"{ACCENTS[accent]}{{{core}}}"
        return core

    def latex(self, indices: str = "") -> str:
        r"""With indices the tags go up (z^{(1)}_{n,k}), without they go down (\beta_{1})."""
        primes = "'" * self.primes
        if not self.tags:
            return f"{self.core}{primes}" + (f"_{{{indices}}}" if indices else "")
        if indices:
            tags = ",".join(f"({t})" if t.isdigit() else word(t) for t in self.tags)
            return f"{self.core}^{{{tags}{self.primes * chr(92) + 'prime' if self.primes else ''}}}_{{{indices}}}"
        return f"{self.core}{primes}_{{{','.join(map(word, self.tags))}}}"

    def raised(self, indices: str) -> bool:
        """Is there something at the place of an exponent?"""
        return bool(self.primes or (self.tags and indices))


def word(text: str) -> str:
    r"""A letter in italics, a Greek name as its letter, any longer word upright.

    >>> word("k"), word("mu"), word("tok")
    ('k', '\\mu', '\\mathrm{tok}')
    """
    if text in GREEK:
        return GREEK[text]
    if len(text) == 1:
        return _greek_character(text)
    return text if text.isdigit() else rf"\mathrm{{{text}}}"


def _greek_character(char: str) -> str:
    name = unicodedata.name(char, "")
    if name.startswith("GREEK ") and " LETTER " in name:
        letter = name.rsplit(" ", 1)[1].lower().replace("lamda", "lambda")
        return GREEK.get(letter.capitalize() if "CAPITAL" in name else letter, char)
    return char


def symbol(name: str) -> Symbol:
    """Take a tensor's name apart. A name that has no letter of its own gets t."""
    first, *rest = [p for p in name.split("_") if p] or ["t"]
    if first.isdigit():
        first, rest = "t", [first, *rest]
    numbered = re.fullmatch(r"([^\W\d_]+)(\d+)", first)
    if numbered:
        first, rest = numbered[1], [numbered[2], *rest]
    found = Symbol(word(first))
    for part in rest:
        if part in ACCENTS:
            found = replace(found, accents=(*found.accents, part))
        elif part in PRIMES:
            found = replace(found, primes=found.primes + 1)
        else:
            numbered = re.fullmatch(r"([^\W\d_]+)(\d+)", part)
            found = replace(found, tags=(*found.tags, *(numbered.groups() if numbered else (part,))))
    return found


def letter(name: str) -> str:
    """An index letter: `k` is k, `k_1` is k', `k_2` is k'', `i0` is i_0."""
    primed = re.fullmatch(r"(.+?)_([1-3])", name)
    if primed:
        return letter(primed[1]) + "'" * int(primed[2])
    primes = len(name) - len(name.rstrip("'"))
    return symbol(name.rstrip("'")).latex() + "'" * primes


@dataclass(frozen=True)
class Derivative:
    """`d2L_dw_dv`: the numerator L, the denominators w and v."""

    numerator: str
    denominators: tuple[str, ...]

    def latex(self, indices: Sequence[str], system: System) -> str:
        groups = self._indices(indices, system)
        order = len(self.denominators)
        top = r"\partial " if order == 1 else rf"\partial^{{{order}}} "
        above = name_latex(self.numerator, groups[0], system)
        below = " ".join(
            r"\partial " + name_latex(n, g, system) for n, g in zip(self.denominators, groups[1:], strict=True)
        )
        return rf"\frac{{{top}{above}}}{{{below}}}"

    def _indices(self, indices: Sequence[str], system: System) -> list[Sequence[str]]:
        """Share the indices out by rank; a tensor that is gone from the system takes what the others leave."""
        names = (self.numerator, *self.denominators)
        ranks = [system.tensors[n].rank if n in system.tensors else None for n in names]
        left = len(indices) - sum(r or 0 for r in ranks)
        for position in reversed(range(len(ranks))):
            if ranks[position] is None:
                ranks[position], left = max(left, 0), 0
        groups, start = [], 0
        for rank in ranks:
            groups.append(indices[start : start + rank])
            start += rank
        groups[-1] = [*groups[-1], *indices[start:]]
        return groups


def derivative(name: str, system: System) -> Derivative | None:
    """Read `dA_dB`, `d2A_dB_dC`, ...; None unless the parts name tensors (`data_dim` is no derivative)."""
    head = re.fullmatch(r"d([2-9]?)(\w+)", name)
    if not head or (name in system.tensors and system.tensors[name].role not in ("defined", "input")):
        return None
    candidates = [d for d in _splits(head[2], int(head[1] or 1)) if _known(d, system)]
    return max(candidates, key=lambda d: _known(d, system), default=None)


def _splits(text: str, order: int) -> Iterator[Derivative]:
    cuts = [m.start() for m in re.finditer("(?=_d)", text)]
    for chosen in combinations(cuts, order):
        ends = [*chosen[1:], len(text)]
        parts = tuple(text[a + 2 : b] for a, b in zip(chosen, ends))
        if text[: chosen[0]] and all(parts):
            yield Derivative(text[: chosen[0]], parts)


def _known(found: Derivative, system: System) -> int:
    return sum(n in system.tensors for n in (found.numerator, *found.denominators))


def name_latex(name: str, indices: Iterable[str], system: System) -> str:
    """The tensor `name` with printed indices: a derivative, a label, or a symbol."""
    indices = list(indices)
    label = label_of(name, system)
    if label and not system.tensors[name].named:
        return label + (f"_{{{','.join(indices)}}}" if indices else "")
    found = derivative(name, system)
    if found:
        return found.latex(indices, system)
    return symbol(name).latex(",".join(indices))


MATRICES = {"inv": r"\left({}^{{-1}}\right)", "adjugate": r"\operatorname{{adj}}({})"}


def label_of(name: str, system: System) -> str:
    """What a tensor stands for on paper: its label, or the matrix function of a named matrix that a Call computes."""
    tensor = system.tensors.get(name)
    if tensor is None or tensor.label or tensor.named:
        return tensor.label if tensor is not None else ""
    call = system.defining().get(name)
    if not isinstance(call, Call) or call.name not in MATRICES or call.batch:
        return ""
    (of,) = call.arguments
    argument = system.tensors.get(of)
    plain = argument is not None and argument.named and not symbol(of).raised("") and not derivative(of, system)
    return MATRICES[call.name].format(symbol(of).latex()) if plain else ""


def needs_parentheses(name: str, indices: Sequence, system: System) -> bool:
    """Would an exponent on this tensor be misread?"""
    labelled = name in system.tensors and label_of(name, system) and not system.tensors[name].named
    return bool(labelled or derivative(name, system) or symbol(name).raised("i" if indices else ""))

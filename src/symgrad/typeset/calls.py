r"""Calls of linear-algebra routines on paper: x = A^{-1} b, d = \det A, L L^\top = A."""

from __future__ import annotations

from ..ir.calls import row_of
from ..ir.system import Call, System
from .names import name_latex

SIDES = {
    "solve": ("{x}", "{A_}^{{-1}} {b}"),
    "solve_columns": ("{x}", "{A_}^{{-1}} {b}"),
    "inv": ("{X}", "{A_}^{{-1}}"),
    "det": ("{d}", r"\det {A}"),
    "logdet": ("{l}", r"\log \det {A}"),
    "logabsdet": ("{l}", r"\log \lvert \det {A} \rvert"),
    "adjugate": ("{C}", r"\operatorname{{adj}} {A}"),
    "cholesky": (r"{L} {L_}^{{\top}}", "{A}"),
    "eigh": (r"{V} \operatorname{{diag}}({w}) {V_}^{{\top}}", "{A}"),
    "svd": (r"{U} \operatorname{{diag}}({s}) {Vh}", "{A}"),
    "qr": ("{Q} {R}", "{A}"),
    "eliminate": (r"{X} {A} {Y}", r"\operatorname{{diag}}({d})"),
    "pivots": ("{p}", r"\left[ \frac{{1}}{{d_i}} \right]_{{i < n - 1}}, \quad d = {d}"),
    "gaps": ("{G}", r"\left[ \frac{{1}}{{w_j - w_i}} \right]_{{i \ne j}}, \quad w = {w}"),
}


def call_sides(call: Call, system: System) -> tuple[str, str]:
    """Left and right side; of a stack of matrices the one at the batch letters."""
    row, names = row_of(call), {}
    batch = system.tensors[call.tensor].letters[: call.batch] if call.tensor in system.tensors else ()
    for of, name in zip((*row.reads, *row.writes), (*call.arguments, *call.writes)):
        letters = {**row.reads, **row.writes}[of]
        rank = system.tensors[name].rank if name in system.tensors else len(letters)
        own = rank - len(letters)
        names[of] = name_latex(name, batch[len(batch) - own :] if own else (), system)
        names[f"{of}_"] = _base(names[of])
    left, right = SIDES[call.name]
    return left.format(**names), right.format(**names)


def _base(text: str) -> str:
    """Of an exponent: in parentheses where that would be misread."""
    closed = text.startswith(r"\left(") and text.endswith(r"\right)")
    return rf"\left({text}\right)" if not closed and any(c in text for c in ("^", "'", r"\frac")) else text


def call_text(call: Call) -> str:
    """As the notation has it."""
    return f"{', '.join(call.writes)} = {row_of(call).text}({', '.join(call.arguments)})"

"""Elementary functions as branch-free polynomials, which LLVM vectorises; a call of libm handles one scalar at a time.

exp(x) = 2**n * exp(r) with n = round(x/log 2) and r = x - n log 2, |r| <= log(2)/2 (log 2 in two parts, so n times the
first is exact); exp(r) = 1 + r + r**2 P(r), where P interpolates (exp(r) - 1 - r)/r**2 at Chebyshev nodes (relative
error of the polynomial 8e-2 and 1e-3 ULP). n comes from adding 1.5 * 2**(digits), which rounds and leaves n in the last
bits: no conversion to an integer that NaN would make undefined. `scale(p, t)` multiplies by 2**n in two steps, so that
results beyond the largest and below the smallest normal number come out as they should.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Exponential:
    least: str  # below, the result is 0
    largest: str  # above, it is infinite
    magic: str
    high: str  # log 2
    low: str
    polynomial: tuple[str, ...]


LOG2E = "1.4426950408889634"
EXP = {
    "float32": Exponential(
        "-104.0", "89.0", "12582912.0", "0.693145751953125", "1.42860676533018e-06",
        ("0.5", "0.16666576266288757", "0.04166655242443085", "0.008363353088498116", "0.0013926400570198894"),
    ),
    "float64": Exponential(
        "-746.0", "710.0", "6755399441055744.0", "0.693147180369123816490", "1.90821492927058770002e-10",
        ("0.5", "0.1666666666666667", "0.04166666666666667", "0.008333333333325966", "0.0013888888888883629",
         "0.0001984126987540889", "2.4801587325967827e-05", "2.7557254656202336e-06", "2.7557273111810967e-07",
         "2.5105525761140995e-08", "2.091490745304636e-09"),
    ),
}  # fmt: skip


def exp_text(real: str) -> str:
    """The Python text of f_exp."""
    e = EXP[real]

    def number(text: str) -> str:
        return f"-{real}({text[1:]})" if text.startswith("-") else f"{real}({text})"

    horner = number(e.polynomial[-1])
    for coefficient in reversed(e.polynomial[:-1]):
        horner = f"{number(coefficient)} + r * ({horner})"
    return "\n".join([
        "def f_exp(x):",
        f"    y = {number(e.least)} if x < {number(e.least)} else x",
        f"    y = {number(e.largest)} if y > {number(e.largest)} else y",
        f"    t = y * {number(LOG2E)} + {number(e.magic)}",
        f"    n = t - {number(e.magic)}",
        f"    r = y - n * {number(e.high)} - n * {number(e.low)}",
        f"    p = {horner}",
        f"    return scale(r * r * p + r + {number('1.0')}, t)",
        "",
    ])  # fmt: skip

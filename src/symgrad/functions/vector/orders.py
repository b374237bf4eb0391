"""Functions of a literal order without a branch: Stumpff's functions c_k(s), the sum over i of (-s)**i/(k + 2 i)!.

c_0, c_1 and c_2 are cos(x), sin(x)/x and (1 - cos(x))/x**2 of the root x of s, hyperbolic for s < 0, all three from one
reduction; the text of `stumpff_k` serves every order from 3 on, with its own numbers in the place of those in capitals.
Source: K. Stumpff, Himmelsmechanik I (1959), chapter V; R. H. Battin, Astrodynamics (1999), section 4.5.
"""

# ruff: noqa: F821  (tables and machine operations stand in the module that the text is put into)
# pyright: reportUndefinedVariable=false

import math
import re
from fractions import Fraction

MEMBER = re.compile(r"(stumpff)_(\d+)")
NUMBER = re.compile(r"STUMPFF_(\d+)_(SERIES|NEAR|FIRST)")
NEAR = {1: Fraction(1), 2: Fraction(4)}  # where orders 1 and 2 use their series: only for s < 0 would they cancel there
UNIT = {"float32": Fraction(1, 2**27), "float64": Fraction(1, 2**56)}


def root_parts(s):
    """cos(x), sin(x)/x and 1 - cos(x) of x = sqrt(s), for s < 0 of i sqrt(-s); and 1/s.

    The root is a pair x + e. Beyond ROOT_END the digits of s do not say where in a turn its root is; it stays there.
    Below -ROOT_END all is infinite.
    """
    s = -ROOT_END if s < -ROOT_END else s
    a = math.fabs(s)
    root = math.sqrt(a)
    x = ROOT_END if root > ROOT_END else root
    w = 1.0 / s
    b, over = (root if root < INF else x), math.fabs(w)
    e = 0.5 * b * over * fma(-x, x, a) if x == root and x > 0.0 else 0.0
    over = fma(b, over, e * over)
    r, t, k = near_quarter_turns(x, e)
    odd, half = math.fabs(k) == 1.0, math.fabs(k) == 2.0
    sine, cosine = sine_parts(r, t), cosine_parts(r, t)
    c = sine if odd else cosine
    c = -c if k == 1.0 or half else c
    y = cosine if odd else sine
    y = -y if k == -1.0 or half else y
    z = r * r
    v = fma(r, t, z * fma(-z, horner(z, COS), 0.5)) if k == 0.0 else 1.0 - c
    h, l, n = exp_parts(EXP_HIGH if x > EXP_HIGH else x, e)
    h = h + l
    up, down = 0.5 * h, scale(0.5 / h, -n)
    c = c if s >= 0.0 else scale(up, n) + down
    c = 1.0 if a < TINY else c
    y = y * over if s >= 0.0 else scale(up * over, n) - down * over
    return c, INF if c == INF else y, v if s >= 0.0 else 1.0 - c, w


def stumpff_0(s):
    """cos(sqrt(s))."""
    c, _, _, _ = root_parts(s)
    return c if s < INF else NAN


def stumpff_1(s):
    """sin(sqrt(s))/sqrt(s)."""
    _, y, _, _ = root_parts(s)
    return horner(s, STUMPFF_1_SERIES) if math.fabs(s) < STUMPFF_1_NEAR else y


def stumpff_2(s):
    """(1 - cos(sqrt(s)))/s."""
    _, _, v, w = root_parts(s)
    y = INF if v == -INF else v * w
    return horner(s, STUMPFF_2_SERIES) if math.fabs(s) < STUMPFF_2_NEAR else y


def stumpff_k(s):
    """The sum over i of (-s)**i/(K + 2 i)!: its series where the terms fall, else by the function two orders before."""
    _, _, _, w = root_parts(s)
    y = stumpff_less(s)
    y = INF if y == INF else (STUMPFF_K_FIRST - y) * w
    return horner(s, STUMPFF_K_SERIES) if math.fabs(s) < STUMPFF_K_NEAR else y


def of_order(text: str, order: int) -> str:
    """The text of `stumpff_k` for one order.

    >>> of_order("stumpff_k(s): (STUMPFF_K_FIRST - stumpff_less(s))/s", 5)
    'stumpff_5(s): (STUMPFF_5_FIRST - stumpff_3(s))/s'
    """
    text = text.replace("stumpff_k", f"stumpff_{order}").replace("stumpff_less", f"stumpff_{order - 2}")
    return text.replace("(K +", f"({order} +").replace("STUMPFF_K_", f"STUMPFF_{order}_")


def number(name: str, dtype: str) -> tuple[float, ...]:
    """The numbers of a table of this module: `STUMPFF_3_SERIES`, `STUMPFF_3_NEAR` or `STUMPFF_3_FIRST`.

    >>> number("STUMPFF_3_NEAR", "float64"), [1/c for c in number("STUMPFF_3_SERIES", "float64")[:3]]
    ((16.0,), [6.0, -120.0, 5040.0])
    """
    order, kind = NUMBER.fullmatch(name).groups()  # pyright: ignore[reportOptionalMemberAccess]
    k = int(order)
    near = NEAR.get(k, Fraction(4 * (k + 1) * (k + 2), 5))
    if kind == "SERIES":
        return tuple(map(float, _series(k, near, UNIT[dtype])))
    return (float(near if kind == "NEAR" else Fraction(1, math.factorial(k - 2))),)


def _series(k: int, near: Fraction, unit: Fraction) -> list[Fraction]:
    """The coefficients, up to the first that changes nothing where |s| is `near`."""
    first = term = Fraction(1, math.factorial(k))
    found = []
    while abs(term) * near ** len(found) > unit * first:
        found.append(term)
        i = len(found)
        term *= Fraction(-1, (k + 2 * i - 1) * (k + 2 * i))
    return found

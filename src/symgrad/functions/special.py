"""Functions that a kernel computes by a small program of its own: plain Python on float64, `math` and arithmetic only.

The text of these functions is copied into generated modules (`source(name)`), so each may call only `math` and the
other functions of this file; constants are literals inside. Nothing raises for large arguments or poles, and NaN comes
back as NaN. Errors against mpmath are stated in tests/functions and kept there.

No error-free transformation here relies on the order of additions: compilers may re-associate. Where a square must be
exact, the argument is cut with `math.floor` to 26 bits, whose square has 52.
"""

from __future__ import annotations

import inspect
import math
import re
import sys


def exp_half_square(x):
    """exp(-x**2/2): with y = x cut to a multiple of 2**-20, -y*y/2 is exact and the rest is small."""
    a = abs(x)
    if not a < 38.7:
        return x if x != x else 0.0
    y = math.floor(a * 1048576.0) / 1048576.0
    d = 0.5 * (a - y) * (a + y)
    return math.exp(-0.5 * y * y) * (1.0 - d * (1.0 - d * (0.5 - d / 6.0)))


def gaussian(x):
    """exp(-x**2), as exp_half_square."""
    a = abs(x)
    if not a < 27.4:
        return x if x != x else 0.0
    y = math.floor(a * 1048576.0) / 1048576.0
    d = (a - y) * (a + y)
    return math.exp(-y * y) * (1.0 - d * (1.0 - d * (0.5 - d / 6.0)))


def norm_pdf(x):
    """The density of the standard normal distribution."""
    return 0.3989422804014327 * exp_half_square(x)


def erfcx(x):
    """exp(x**2) erfc(x): an asymptotic series from 25 on, where seven terms suffice."""
    if x >= 25.0:
        q = 0.5 / x / x
        s = 1.0 - q * (1.0 - 3.0 * q * (1.0 - 5.0 * q * (1.0 - 7.0 * q * (1.0 - 9.0 * q * (1.0 - 11.0 * q)))))
        return 0.5641895835477563 / x * s
    g = gaussian(x)
    if g < 1e-308:  # x < -26.6: beyond the largest float
        return math.inf
    return math.erfc(x) / g


def ndtr(x):
    """The distribution function of the standard normal; the tail as erfcx times exp(-x**2/2)."""
    if x < -1.0:
        return 0.5 * erfcx(-0.7071067811865476 * x) * exp_half_square(x)
    return 0.5 * math.erfc(-0.7071067811865476 * x)


def inverse_mills(x):
    """norm_pdf(x)/ndtr(x)."""
    if x < 0.0:
        return 0.7978845608028654 / erfcx(-0.7071067811865476 * x)
    return norm_pdf(x) / ndtr(x)


def mills_gap(x):
    """x + norm_pdf(x)/ndtr(x): Laplace's continued fraction 1/(a + 2/(a + 3/(a + ...))) for a = -x > 1.5."""
    if x > -1.5:
        return x + inverse_mills(x)
    steps = 60 if x < -3.0 else 200
    f = -x
    for k in range(steps, 1, -1):
        f = k / f - x
    return 1.0 / f


def round_down(x):
    """The largest whole number that is not above x, as a float of any magnitude."""
    return 1.0 * math.floor(x) if abs(x) < 4503599627370496.0 else x


def exprel_moment(k, x):
    """The integral of t**k exp(t x) over 0 < t < 1: a series of positive terms, or the recurrence for large |x|."""
    if abs(x) < k + 12.0:
        z = abs(x)
        term = 1.0
        total = 0.0
        i = 0
        if x >= 0.0:  # sum of x**i / (i! (i + k + 1))
            while term > 1e-18 * total * (i + k + 1):
                total += term / (i + k + 1)
                i += 1
                term *= z / i
            return total
        while term > 1e-18 * total:  # exp(x) times sum of |x|**i / ((k + 1) ... (k + 1 + i))
            total += term
            i += 1
            term *= z / (k + 1 + i)
        return total / (k + 1) * math.exp(x)
    if x > 80.0:
        h = math.exp(0.5 * x)
        f = 1.0 / x
        for i in range(1, int(k) + 1):
            f = (1.0 - i * f) / x
        return h * f * h
    if x < 0.0 and x * x == math.inf:
        return 0.0 if k > 0 else -1.0 / x
    e = math.exp(x)
    f = math.expm1(x) / x
    for i in range(1, int(k) + 1):
        f = (e - i * f) / x
    return f


def spherical_jn(n, x):
    """The spherical Bessel function of the first kind: its series near 0, the recurrence upwards elsewhere."""
    if abs(x) < n + 1.5:
        q = -0.5 * x * x
        scale = 1.0
        for i in range(1, int(n) + 1):
            scale *= x / (2 * i + 1)
        term = 1.0
        total = 0.0
        i = 0
        while abs(term) > 1e-18:
            total += term
            i += 1
            term *= q / (i * (2 * n + 2 * i + 1))
        return scale * total
    if abs(x) == math.inf:
        return 0.0
    before = math.cos(x) / x
    now = math.sin(x) / x
    for i in range(int(n)):
        before, now = now, (2 * i + 1) / x * now - before
    return now


def stumpff(k, s):
    """The sum over i of (-s)**i/(k + 2 i)!: its series where the terms fall, else from cos and sin of the root."""
    if abs(s) < 0.8 * (k + 1.0) * (k + 2.0):
        term = 1.0
        for i in range(2, int(k) + 1):
            term /= i
        total = 0.0
        i = 0
        while abs(term) > 1e-18 * abs(total):
            total += term
            i += 2
            term *= -s / ((k + i - 1.0) * (k + i))
        return total
    if not abs(s) < math.inf:
        return s if s != s else math.nan if k == 0.0 and s > 0.0 else 0.0 if s > 0.0 else math.inf
    root = math.sqrt(abs(s))
    cut = math.floor(root * 64.0) / 64.0 if root < 524288.0 else root
    rest = (abs(s) - cut * cut) / (root + cut) if root < 524288.0 else 0.0
    if k == 2.0:  # a square: the difference 1 - cos has double zeros
        half = math.sin(0.5 * cut) * math.cos(0.5 * rest) + math.cos(0.5 * cut) * math.sin(0.5 * rest)
        if s < 0.0:
            half = math.sinh(0.5 * cut) * math.cosh(0.5 * rest) + math.cosh(0.5 * cut) * math.sinh(0.5 * rest)
        return 2.0 * half * half / abs(s)
    if s > 0.0:
        even = math.cos(cut) * math.cos(rest) - math.sin(cut) * math.sin(rest)
        odd = math.sin(cut) * math.cos(rest) + math.cos(cut) * math.sin(rest)
    else:
        even = math.cosh(cut) * math.cosh(rest) + math.sinh(cut) * math.sinh(rest)
        odd = math.sinh(cut) * math.cosh(rest) + math.cosh(cut) * math.sinh(rest)
    odd /= root
    factorial = 1.0
    for i in range(int(k) // 2):
        if i > 0:
            factorial *= 2.0 * i * (2.0 * i - 1.0)
        even = (1.0 / factorial - even) / s
        odd = (1.0 / (factorial * (2.0 * i + 1.0)) - odd) / s
    return odd if int(k) % 2 == 1 else even


def lgamma(x):
    """log|Gamma(x)|: reflection, Taylor series about 2 (its root), recurrence, Stirling's series from 8 on."""
    reflected = 0.0
    if x < 0.0:
        if x < -4503599627370496.0:
            return math.inf
        r = x - math.floor(x + 0.5)
        if r == 0.0:
            return math.inf
        if x > -1e-17:
            return -math.log(-x)
        reflected = math.log(3.141592653589793 / math.fabs(math.sin(3.141592653589793 * r)))
        x = 1.0 - x
    if x >= 8.0:
        if x == math.inf:
            return x
        q = 1.0 / x / x
        s = 0.0
        for c in (
            -0.029550653594771242, 0.00641025641025641, -0.0019175269175269176, 0.0008417508417508417,
            -0.0005952380952380953, 0.0007936507936507937, -0.002777777777777778, 0.08333333333333333,
        ):
            s = s * q + c
        value = (x - 0.5) * (math.log(x) - 1.0) + (0.4189385332046727 + s / x)
    else:
        if x == 0.0:
            return math.inf
        value = 0.0
        factor = 1.0
        while x > 2.5:
            x -= 1.0
            factor *= x
        if factor > 1.0:
            value = math.log(factor)
        if x < 0.5:
            value = -math.log(x) - math.log1p(x)
            x += 2.0
        elif x < 1.5:
            value = -math.log1p(x - 1.0)
            x += 1.0
        z = x - 2.0
        s = 0.0
        for c in (
            1.330476437424449e-10, -2.7595228851242334e-10, 5.731367241678862e-10, -1.1921401405860912e-09,
            2.4836745438024785e-09, -5.183475041970047e-09, 1.0838659214896955e-08, -2.2711094608943164e-08,
            4.7698101693639804e-08, -1.0043224823968099e-07, 2.1207184805554665e-07, -4.492469198764566e-07,
            9.55141213040742e-07, -2.039215753801366e-06, 4.374866789907488e-06, -9.439488275268397e-06,
            2.050721277567069e-05, -4.492623673813314e-05, 9.945751278180853e-05, -0.00022315475845357939,
            0.0005096695247430425, -0.001192753911703261, 0.0028905103307415234, -0.007385551028673986,
            0.020580808427784546, -0.0673523010531981, 0.3224670334241132,
        ):
            s = s * z + c
        value += z * (0.42278433509846713 + z * s)
    return reflected - value if reflected != 0.0 else value


def digamma(x):
    """The derivative of log gamma: reflection, Taylor series about the root 1.46..., recurrence, asymptotic series."""
    reflected = 0.0
    if x <= 0.0:
        if x == 0.0:
            return -math.copysign(math.inf, x)
        if x < -4503599627370496.0:  # every float is an integer there: a pole, or minus infinity
            return math.nan
        r = x - math.floor(x + 0.5)
        if r == 0.0:
            return math.nan
        reflected = 3.141592653589793 / math.tan(3.141592653589793 * r)
        x = 1.0 - x
    total = 0.0
    if x < 1.0:
        total = -1.0 / x
        x += 1.0
    while 2.0 < x < 4.0:
        x -= 1.0
        total += 1.0 / x
    if x <= 2.0:
        d = (x - 1.4616321449683622) - 9.549995429965697e-17
        s = 0.0
        for c in (
            -7.96142543124197e-07, 1.1636675363548843e-06, -1.7008538854332607e-06, 2.486022733129538e-06,
            -3.6336507898010456e-06, 5.3110609208898636e-06, -7.762817668462094e-06, 1.134638458466385e-05,
            -1.6584242271854135e-05, 2.424006611860132e-05, -3.5430070947659604e-05, 5.178575795222081e-05,
            -7.569179582195066e-05, 0.0001106337276874741, -0.00016170622091974803, 0.00023635601564027053,
            -0.0003454680251063077, 0.000504953265834602, -0.0007380709389960052, 0.0010788252019162967,
            -0.0015769367714301972, 0.002305126326734928, -0.003369801655439328, 0.004926781395729853,
            -0.007204534386356869, 0.010538791616612175, -0.01542476590494896, 0.022597648232218104,
            -0.03316112647484736, 0.04880428816414311, -0.07219956125645471, 0.10782405069126237,
            -0.16394270544240652, 0.258499760955651, -0.4427631689835921, 0.9676722454476212,
        ):
            s = s * d + c
        return s * d + total - reflected
    while x < 10.0:
        total -= 1.0 / x
        x += 1.0
    q = 1.0 / x / x
    s = 0.0
    for c in (
        0.08333333333333333, -0.021092796092796094, 0.007575757575757576, -0.004166666666666667,
        0.003968253968253968, -0.008333333333333333, 0.08333333333333333,
    ):
        s = s * q + c
    return math.log(x) - 0.5 / x - s * q + total - reflected


def trigamma(x):
    """The derivative of digamma: reflection, recurrence, asymptotic series."""
    if x <= 0.0:
        if x < -4503599627370496.0:
            return math.inf
        r = x - math.floor(x + 0.5)
        if r == 0.0:
            return math.inf
        c = 3.141592653589793 / math.sin(3.141592653589793 * r)
        return c * c - positive_trigamma(1.0 - x)
    return positive_trigamma(x)


def positive_trigamma(x):
    """trigamma for x > 0."""
    total = 0.0
    while x < 12.0:
        total += 1.0 / x / x
        x += 1.0
    q = 1.0 / x / x
    s = 0.0
    for c in (
        1.1666666666666667, -0.2531135531135531, 0.07575757575757576, -0.03333333333333333,
        0.023809523809523808, -0.03333333333333333, 0.16666666666666666,
    ):
        s = s * q + c
    return total + (1.0 + 0.5 / x + s * q) / x


def polygamma(n, x):
    """Derivative n of digamma. For x < 0: reflection for n = 2 and 3, else the recurrence (not below -1e6: NaN)."""
    if n == 0:
        return digamma(x)
    if n == 1:
        return trigamma(x)
    if not x <= 0.0:
        return positive_polygamma(n, x)
    r = x - math.floor(x + 0.5) if x > -4503599627370496.0 else 0.0
    if r == 0.0 or (n > 3 and x < -1e6):
        return math.nan
    if n <= 3:
        c = 1.0 / math.tan(3.141592653589793 * r)
        s = 3.141592653589793 / math.sin(3.141592653589793 * r)
        s *= s
        if n == 2:
            return positive_polygamma(n, 1.0 - x) - 6.283185307179586 * c * s
        return 2.0 * s * (s + 19.739208802178716 * c * c) - positive_polygamma(n, 1.0 - x)
    factorial = math.gamma(n + 1.0)
    total = 0.0
    while x < 1.0:
        total += factorial / x ** (n + 1)
        x += 1.0
    return positive_polygamma(n, x) + (total if int(n) % 2 == 1 else -total)


def positive_polygamma(n, x):
    """polygamma for x > 0, n > 0: n! times the sum over k of (x + k)**-(n + 1), by Euler and Maclaurin."""
    total = 0.0
    while x < n + 10.0:
        total += x ** (-n - 1.0)
        x += 1.0
    q = 1.0 / x / x
    term = 0.5 * (n + 1) * q
    s = 0.0
    k = 1
    for b in (
        0.16666666666666666, -0.03333333333333333, 0.023809523809523808, -0.03333333333333333,
        0.07575757575757576, -0.2531135531135531, 1.1666666666666667, -7.092156862745098,
    ):
        s += b * term
        term *= (n + 2 * k) * (n + 2 * k + 1) / ((2 * k + 1) * (2 * k + 2)) * q
        k += 1
    total += x ** (-n * 1.0) * (1.0 / n + 0.5 / x + s)
    total *= math.gamma(n + 1.0)
    return total if int(n) % 2 == 1 else -total


def source(name: str) -> str:
    """The Python text of the function `name` of this file, without its annotations.

    >>> print(source("norm_pdf").splitlines()[0])
    def norm_pdf(x):
    """
    return inspect.getsource(_function(name))


def needs(name: str) -> tuple[str, ...]:
    """The functions of this file that `name` calls, directly or not, those first that others need."""
    found: dict[str, None] = {}
    for called in re.findall(r"(?<![\w.])([a-z_]\w*)\(", source(name).split('"""')[-1]):
        if called != name and called not in found and called in vars(sys.modules[__name__]):
            found |= dict.fromkeys((*needs(called), called))
    return tuple(found)


def _function(name: str):
    return getattr(sys.modules[__name__], name)

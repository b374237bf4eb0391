"""What the assembly of a compiled kernel says: is it packed, does it call libm?"""

import re


def packed(text):
    """Packed multiplications and fused operations: x86 (any width of AVX or SSE) and ARM (v0.4s, v0.2d)."""
    return len(re.findall(r"\bv?(?:fn?m(?:add|sub)\d*|mul)p[sd]\b|\bfml[as]\s+v\d|\bfmul\s+v\d", text))


def libm(text):
    """Calls of functions with C names that are not Numba's own."""
    names = re.findall(r"(?:movabsq\s+\$|callq?\s+|bl\s+)([a-z]\w*)", text)
    known = r"(?:exp|expm1|log|log1p|sin|cos|tan|tanh|erf|erfc|pow|lgamma)f?"
    return sorted({n for n in names if re.fullmatch(known, n)})

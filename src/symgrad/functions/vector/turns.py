"""2/pi times powers of two, modulo 4: what large arguments of sine and cosine are multiplied by.

M. H. Payne and R. N. Hanek, Radian reduction for trigonometric functions, ACM SIGNUM Newsletter 18, 1983. A generated
module holds this text and makes its table when it is imported.
"""

import numpy as np

TWO_OVER_PI = int(  # times 2**1280
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d",
    16,
)


def far_turns(real, first):
    """Row j: (2/pi) 2**(j + first - digits) modulo 4 as a sum of four numbers, each with the next binary digits."""
    digits, last = np.finfo(real).nmant + 1, np.finfo(real).maxexp
    table = np.empty((last - first + 1, 4), real)
    for row in table:
        rest = (TWO_OVER_PI << first - digits if first >= digits else TWO_OVER_PI >> digits - first) % (1 << 1282)
        for column in range(4):
            shift = max(rest.bit_length() - digits, 0)
            row[column] = np.ldexp(float(rest >> shift), shift - 1280)
            rest -= rest >> shift << shift
        first += 1
    return table

"""Of scores plus entropy, row by row, the softmax is the maximum.

    python derivations/calculus/softmax_is_a_maximum.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("softmax_is_a_maximum"))

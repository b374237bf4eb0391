"""No affine function separates XOR: a Farkas combination of its four points.

    python derivations/networks/xor_is_not_linear.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("xor_is_not_linear"))

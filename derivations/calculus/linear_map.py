"""The Jacobian of the linear map W x by x is W.

    python derivations/calculus/linear_map.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("linear_map"))

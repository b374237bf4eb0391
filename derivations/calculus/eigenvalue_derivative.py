"""The differential of a simple eigenvalue.

    python derivations/calculus/eigenvalue_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("eigenvalue_derivative"))

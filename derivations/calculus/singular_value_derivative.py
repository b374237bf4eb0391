"""The differential of a singular value.

    python derivations/calculus/singular_value_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("singular_value_derivative"))

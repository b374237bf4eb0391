"""The Laplace density sums to one.

    python derivations/probability/laplace_sums_to_one.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("laplace_sums_to_one"))

"""The variance of a Poisson variable, by infinite sums.

    python derivations/calculus/poisson_variance.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("poisson_variance"))

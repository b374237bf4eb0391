"""The marginal of a joint density: p(x) as the integral over y.

    python derivations/calculus/marginal_density.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("marginal_density"))

"""The cross-entropy of two Bernoulli variables.

    python derivations/probability/cross_entropy_bernoulli.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cross_entropy_bernoulli"))

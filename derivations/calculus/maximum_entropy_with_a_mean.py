"""The maximum-entropy distribution with a given mean, for any number of values: p ~ e^(-lambda x).

    python derivations/calculus/maximum_entropy_with_a_mean.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("maximum_entropy_with_a_mean"))

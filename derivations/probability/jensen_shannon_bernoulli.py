"""The Jensen-Shannon divergence of two Bernoulli variables.

    python derivations/probability/jensen_shannon_bernoulli.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("jensen_shannon_bernoulli"))

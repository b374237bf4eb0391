"""The Fisher information of a Bernoulli probability.

    python derivations/probability/fisher_bernoulli.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("fisher_bernoulli"))

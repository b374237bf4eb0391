"""The binary cross-entropy is the negative log-likelihood of a Bernoulli variable.

    python derivations/losses/bce_is_bernoulli.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("bce_is_bernoulli"))

"""The posterior of a Bernoulli probability with a beta prior is beta.

    python derivations/probability/beta_bernoulli_update.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("beta_bernoulli_update"))

"""The evidence lower bound, log p(x) >= E[log p(x|z)] - KL, by Jensen's inequality.

    python derivations/probability/elbo.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("elbo"))

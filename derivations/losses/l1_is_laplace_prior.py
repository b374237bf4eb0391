"""An L1 penalty is a Laplace prior of the weights.

    python derivations/losses/l1_is_laplace_prior.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("l1_is_laplace_prior"))

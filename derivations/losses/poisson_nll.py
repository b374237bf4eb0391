"""The negative log-likelihood of counts whose log-rate is the score, without the constant log(y!).

    python derivations/losses/poisson_nll.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("poisson_nll"))

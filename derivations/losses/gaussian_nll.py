"""The negative log-likelihood of a normal with mean `z` and its own variance `v`, without log(2 pi)/2.

    python derivations/losses/gaussian_nll.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gaussian_nll"))

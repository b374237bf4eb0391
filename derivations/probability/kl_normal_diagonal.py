"""The divergence of two normal vectors with diagonal covariances.

    python derivations/probability/kl_normal_diagonal.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("kl_normal_diagonal"))

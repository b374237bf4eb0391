"""An L2 penalty is a normal prior of the weights.

    python derivations/losses/l2_is_normal_prior.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("l2_is_normal_prior"))

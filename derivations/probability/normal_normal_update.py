"""The posterior of a normal mean with a normal prior is normal.

    python derivations/probability/normal_normal_update.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("normal_normal_update"))

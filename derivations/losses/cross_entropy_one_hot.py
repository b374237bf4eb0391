"""The same for targets that are distributions over the classes: torch's cross_entropy with class probabilities.

    python derivations/losses/cross_entropy_one_hot.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("cross_entropy_one_hot"))

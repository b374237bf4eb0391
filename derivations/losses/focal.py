"""Cross-entropy of the sigmoid in which easy examples count less: `(1 - p_t)^gamma`.

    python derivations/losses/focal.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("focal"))

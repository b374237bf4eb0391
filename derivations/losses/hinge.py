"""relu(1 - y z) for targets of -1 and 1; at the margin its derivative is 0.

    python derivations/losses/hinge.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("hinge"))

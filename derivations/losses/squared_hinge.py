"""relu(1 - y z)^2 for targets of -1 and 1.

    python derivations/losses/squared_hinge.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("squared_hinge"))

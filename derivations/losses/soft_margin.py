"""log(1 + exp(-y z)) for targets of -1 and 1.

    python derivations/losses/soft_margin.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("soft_margin"))

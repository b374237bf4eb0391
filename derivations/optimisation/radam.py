"""RAdam: Adam whose first steps are plain momentum, until the variance of its scale is finite. The step by g.

    python derivations/optimisation/radam.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("radam"))

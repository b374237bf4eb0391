"""An antiderivative of x e^x.

    python derivations/calculus/integration_by_parts.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("integration_by_parts"))

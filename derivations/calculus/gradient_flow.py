"""Along gradient descent the loss falls: V' = -|grad V|^2.

    python derivations/calculus/gradient_flow.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("gradient_flow"))

"""Gradient descent with a heavy ball: torch.optim.SGD(momentum=0.9), which has no momentum by default. The step by
g.

    python derivations/optimisation/momentum.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("momentum"))

"""Nesterov's momentum, with the gradient where `w` is: torch.optim.SGD(momentum=0.9, nesterov=True). The step by
g.

    python derivations/optimisation/nesterov.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("nesterov"))

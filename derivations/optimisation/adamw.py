"""Adam with weight decay of the parameter itself. The step by g.

    python derivations/optimisation/adamw.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("adamw"))

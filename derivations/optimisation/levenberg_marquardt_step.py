"""The step of Levenberg and Marquardt is the minimum of the damped linear model.

    python derivations/optimisation/levenberg_marquardt_step.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("levenberg_marquardt_step"))

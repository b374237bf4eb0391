"""Along Newton's direction -g/h the model is least at the full step; a shorter one, damped, decreases it too.

    python derivations/optimisation/damped_newton_step.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("damped_newton_step"))

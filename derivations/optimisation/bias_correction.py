"""A running mean that starts at 0 is 1 - beta^t of what it averages: Adam divides by it.

    python derivations/optimisation/bias_correction.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("bias_correction"))

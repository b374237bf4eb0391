"""The equation of motion of a spring, and its conserved energy.

    python derivations/calculus/harmonic_oscillator.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("harmonic_oscillator"))

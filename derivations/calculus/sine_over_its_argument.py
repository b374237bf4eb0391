"""The limit of sin(3h)/h for h to 0.

    python derivations/calculus/sine_over_its_argument.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sine_over_its_argument"))

"""s(k x) is a step for k to infinity: with many steps a hidden layer takes any shape.

    python derivations/networks/steep_sigmoid_is_a_step.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("steep_sigmoid_is_a_step"))

"""The shortest curve is straight.

    python derivations/calculus/shortest_line.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("shortest_line"))

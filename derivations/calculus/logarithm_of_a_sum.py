"""The derivative of log(x^2 + 1).

    python derivations/calculus/logarithm_of_a_sum.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("logarithm_of_a_sum"))

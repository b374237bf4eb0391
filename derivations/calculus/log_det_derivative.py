"""The differential of log det A.

    python derivations/calculus/log_det_derivative.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("log_det_derivative"))

"""The derivative of the logistic function, found from its definition: `s' = s (1 - s)`.

    python derivations/sigmoid.py
    python derivations/sigmoid.py --out sigmoid.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("sigmoid"))

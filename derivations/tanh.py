"""The derivative of the hyperbolic tangent, found from its definition: `t' = 1 - t^2`.

    python derivations/tanh.py
    python derivations/tanh.py --out tanh.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("tanh"))

"""The Adam update as equations, and how its step depends on the gradient it is given.

    python derivations/adam.py
    python derivations/adam.py --out adam.md

It prints the derivation as LaTeX, with --out it also writes a document (.md, .html, .tex, .pdf), and verifies itself:
the exit code is 1 if the certificate fails.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("adam"))

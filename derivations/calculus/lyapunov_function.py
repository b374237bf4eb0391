"""x^2 + y^2 falls along a flow whose linearisation does not decide.

    python derivations/calculus/lyapunov_function.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("lyapunov_function"))

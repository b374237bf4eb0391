"""A linear system is stable: V from the Lyapunov equation A^T P + P A = -I.

    python derivations/calculus/lyapunov_linear_system.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("lyapunov_linear_system"))

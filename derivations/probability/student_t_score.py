"""The score of the student t density: its logarithm by its parameters.

    python derivations/probability/student_t_score.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("student_t_score"))

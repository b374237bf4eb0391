"""What derives an entry of the gallery, and its certificate."""

from __future__ import annotations

from sympy import Expr

from ..analysis.report import Report
from ..api import Program, program
from ..calculus.rewrite import Rule, replays
from ..calculus.scalar.check import agree
from ..calculus.scalar.operators import Operator
from ..ir.system import Step
from ..library.entry import Entry
from ..verify.certificate import Certificate, Check

Derived = Program | Report


def derived(entry: Entry) -> tuple[Derived, ...]:
    """A program for each verb of the entry, or its Report."""
    if entry.ask is not None:
        return (entry.ask(),)
    model = program(entry.text)
    return tuple(_apply(model, verb, entry) for verb in entry.verbs)


def _apply(model: Program, verb: str, entry: Entry) -> Program:
    single = verb in ("jvp", "hvp", "gauss_newton")
    return getattr(model, verb)(entry.output, entry.wrt[0] if single and entry.wrt else entry.wrt)


def certificate(found: Derived, seed: int = 0, kernel: bool = True) -> Certificate:
    """Of a program, `program.verify`; of a Report, that its steps replay and hold in numbers."""
    if isinstance(found, Program):
        return found.verify(seed=seed, kernel=kernel)
    rules = [step for step in found.steps if isinstance(step.rule, Rule)]
    lost = [_name(step) for step in rules if not replays(step)]
    equal = [step for step in found.steps if _is_equation(step)]
    points = [agree(step.before, step.after) for step in equal]
    wrong = [_name(step) for step, count in zip(equal, points) if count is None]
    rows = [Check("replay", f"{len(rules)} steps", len(lost), 0, "exact", where=", ".join(lost))] * bool(rules)
    if any(points) or wrong:
        reason = "30 digits at points of both domains"
        rows.append(Check("in numbers", f"{len(equal)} steps", len(wrong), 0, reason, where=", ".join(wrong)))
    rows += [Check("the answer", _short(s.note), 0, 0, str(s.after)) for s in found.steps if _is_check(s)]
    if not rows:
        rows = [Check("an answer", found.title, float(found.value is None), 0, "the question was decided")]
    return Certificate(tuple(rows), seed)


def _is_equation(step: Step) -> bool:
    """May both sides be computed? Not where an operator stands still or a name was introduced."""
    sides = step.before, step.after
    if getattr(step.rule, "relation", "=").strip() != "=" or not all(isinstance(s, Expr) for s in sides):
        return False
    return not any(s.has(Operator) for s in sides) and sides[0].free_symbols == sides[1].free_symbols


def _is_check(step: Step) -> bool:
    """The step that records a numeric check of an answer; an answer that failed it was never given."""
    return step.rule == "numeric check"


def _name(step: Step) -> str:
    return getattr(step.rule, "name", str(step.rule))


def _short(text: str) -> str:
    return text if len(text) < 48 else text[:45] + "..."

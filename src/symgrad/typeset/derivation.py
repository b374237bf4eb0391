"""A derivation on paper: the log of a System as numbered steps, the result, the references."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ..ir.system import Equation, Step, System
from .blocks import (
    Block,
    Formula,
    Heading,
    Items,
    Paragraph,
    escape_dollars,
)
from .equation import aligned, equation_lines, shown_equations
from .facts import fact_latex
from .printed import Printed


@dataclass(frozen=True)
class Derivation(Printed):
    """The steps that lead to `system`, each with its rule, the facts it used and its source.

    `steps` is `system.log`. `latex()` is a document that pdflatex compiles, `html()` a page that needs no network.
    """

    system: System
    title: str = "Derivation"

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.system.log

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(derivation_blocks(self.system))

    def references(self) -> tuple[str, ...]:
        return references(self)

    def result(self) -> str:
        """The equations of the result as one aligned block."""
        return aligned(_result_lines(self.system))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.result()}\n$$"


def references(derivation: Derivation) -> tuple[str, ...]:
    """The sources that the rules cite, each once, in the order of first use."""
    return tuple(dict.fromkeys(cite for step in derivation.steps if (cite := citation(step))))


def citation(step: Step) -> str:
    return getattr(step.rule, "cite", "") or ""


def derivation_blocks(system: System) -> Iterable[Block]:
    """Steps, result, rules, references."""
    numbers = {c: n for n, c in enumerate(references(Derivation(system)), 1)}
    if system.log:
        yield Heading("Steps")
    number = 0
    for chain in chains(system.log):
        visible = [step for step in chain if _shows(step, system)]
        if visible:
            yield from _chain_blocks(number, visible, system, numbers)
        number += len(visible)
    yield Heading("Result")
    yield Formula(tuple(_result_lines(system)))
    if system.log:
        yield Heading("Rules")
        yield Items(_rules(system, numbers))
    if numbers:
        yield Heading("References")
        yield Items(tuple(map(escape_dollars, numbers)), numbered=True)


def _result_lines(system: System) -> list[str]:
    pruned = system.prune()
    return [line for eq in shown_equations(pruned) for line in equation_lines(eq, pruned)] or [
        r"& \text{(no equations)}"
    ]


def _shows(step: Step, system: System) -> bool:
    """A step that only renames or reorders prints the same before and after: it is left out."""
    return bool(step.under) or _lines(step.before, system) != _lines(step.after, system)


def chains(steps: Iterable[Step]) -> list[list[Step]]:
    """Runs of steps in which each rewrites the one equation that the step before it has left."""
    found: list[list[Step]] = []
    for step in steps:
        last = found[-1][-1].after if found else ()
        if len(last) == len(step.before) == len(step.after) == 1 and last == step.before and _same_tensor(step):
            found[-1].append(step)
        else:
            found.append([step])
    return found


def _same_tensor(step: Step) -> bool:
    return [eq.tensor for eq in step.before] == [eq.tensor for eq in step.after]


def _chain_blocks(number: int, chain: list[Step], system: System, numbers: dict[str, int]) -> Iterable[Block]:
    """The steps of a chain as one formula, with the rule of each below it."""
    label = f"{number + 1}" if len(chain) == 1 else f"{number + 1}–{number + len(chain)}"
    names = ", ".join(dict.fromkeys(escape_dollars(rule_name(step)) for step in chain))
    yield Heading(f"{label}. {names}", 3)
    lines = _change(chain[0], system)
    for step in chain[1:]:
        following = _continued(_lines(step.after, system))
        lines += following if lines[-len(following) :] != following else []
    if lines:
        yield Formula(tuple(lines))
    reasons = [_reason(step, system, numbers) for step in chain]
    if len(chain) > 1:
        yield Paragraph(" ".join(f"{number + i}: {r}." for i, r in enumerate(reasons, 1)), "note")
    elif reasons[0] != escape_dollars(rule_name(chain[0])):
        yield Paragraph(f"{reasons[0]}.", "note")


def rule_name(step: Step) -> str:
    """What stands before the colon in `chain rule: put the adjoint in`."""
    return full_name(step).partition(":")[0]


def full_name(step: Step) -> str:
    return getattr(step.rule, "name", str(step.rule))


def _rules(system: System, numbers: dict[str, int]) -> tuple[str, ...]:
    """The rules that were used, each once, with what they say and where that is found."""
    rules = {full_name(step): _cited(step, numbers) for step in system.log}
    return tuple(escape_dollars(name) + cite for name, cite in rules.items())


def _cited(step: Step, numbers: dict[str, int]) -> str:
    return f" [{numbers[citation(step)]}]" if citation(step) else ""


def _reason(step: Step, system: System, numbers: dict[str, int]) -> str:
    """The rule, its source, the facts it used, its note."""
    facts = "; ".join(fact_text(f, system) for f in step.under)
    note = _prose(step.note).rstrip(".")
    used = f", under {facts}" if facts else ""
    return escape_dollars(rule_name(step)) + _cited(step, numbers) + used + (f" ({note})" if note else "")


def _change(step: Step, system: System) -> list[str]:
    """A = before = after where one equation is rewritten; else what was there, an arrow, what follows."""
    before, after = _lines(step.before, system), _lines(step.after, system)
    if len(step.before) == 1 and _same_tensor(step):
        return before if before == after else [*before, *_continued(after)]
    if before and not after:
        return [*before, r"&\qquad \text{(not needed any more)}"]
    arrow = r"\Longrightarrow\quad " if before else ""
    return [*before, *((arrow if "&=" in line else "") + line for line in after)]


def _continued(lines: list[str]) -> list[str]:
    """The lines of an equation without its left side."""
    return ["&" + lines[0].partition("&")[2], *lines[1:]]


def _lines(equations: Iterable[Equation], system: System) -> list[str]:
    return [line for eq in equations for line in equation_lines(eq, system)]


def fact_text(fact: str, system: System) -> str:
    r"""A fact as a rule states it: a formula of the notation, LaTeX if it holds a command, else text."""
    if "$" in fact:
        return _prose(fact)
    latex = fact if "\\" in fact else fact_latex(fact, system)
    return f"${latex}$" if latex else fact


def _prose(text: str) -> str:
    """Dollar signs that do not pair are dollars."""
    return text if text.count("$") % 2 == 0 else escape_dollars(text)

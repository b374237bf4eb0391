"""One entry as a document: what is derived, the model, every step, both forms, the certificate, the source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..api import Program
from ..library.entry import Entry
from ..typeset.blocks import Block, Code, Heading, Paragraph, Table, escape_dollars, to_html, to_latex, to_markdown
from ..typeset.files import write_document
from ..verify.certificate import HEADINGS, Certificate
from .derived import Derived, certificate, derived
from .forms import forms
from .plots import pictures

TEXTS = {"latex": to_latex, "md": to_markdown, "html": to_html}
WORDS = """Adadelta Adagrad Adam Adamax AdamW BCE Bernoulli BFGS Cauchy CCE Dirichlet ELBO ELU Fisher Frobenius Gauss
    GELU GRU Hadamard Huber Jensen KKT KL Kronecker L1 L2 Laplace Levenberg LSTM Lyapunov MAE Marquardt MLP MSE NCE
    Nesterov Newton NLL PINN Poisson PReLU RAdam ReLU ReLU6 RMS RMSprop RNN SELU SGD Shannon SiLU Taylor VAE Xavier
    XOR"""
SPELLED = {"lbfgs": "L-BFGS"} | {word.lower(): word for word in WORDS.split()}  # not as they stand
WIDE = 36  # characters of a cell: wider ones would leave the page


def text(entry: Entry, format: str) -> str:
    """The page as text, without pictures: latex, md or html."""
    return TEXTS[format](title(entry), page(entry, drawn=False))


def write(entry: Entry, path: Path) -> Path:
    """The page in the format of the suffix: .tex, .md, .html, .pdf."""
    return write_document(title(entry), page(entry), path)


def title(entry: Entry) -> str:
    """The name as a heading: `kl_normal` is KL normal."""
    spelled = " ".join(SPELLED.get(word, word) for word in entry.name.split("_"))
    return spelled[0].upper() + spelled[1:]


def page(
    entry: Entry, results: tuple[Derived, ...] | None = None, kernel: bool = False, drawn: bool = True
) -> Iterable[Block]:
    """The blocks below the title; with `kernel`, the certificate compiles one. `results` are those of `derived`."""
    yield Paragraph(escape_dollars(entry.summary))
    if entry.text:
        yield Heading("Model")
        yield Code(entry.text)
    yield from pictures(entry) if drawn else ()
    for verb, found in zip(entry.verbs, results or derived(entry)):
        yield from _derivation(verb, found)
        yield from _certified(certificate(found, kernel=kernel))
    if entry.reference:
        yield Heading("Reference")
        yield Paragraph(escape_dollars(entry.reference))


def _derivation(verb: str, found: Derived) -> Iterable[Block]:
    if not isinstance(found, Program):
        yield Heading("Derivation")
        yield from map(lowered, found.blocks)
        return
    yield Heading({"vjp": "Pull-back", "gauss_newton": "Gauss-Newton product"}.get(verb, verb.capitalize()))
    yield from map(lowered, found.derivation.blocks)
    yield from forms(found)


def lowered(block: Block) -> Block:
    return replace(block, level=min(block.level + 1, 4)) if isinstance(block, Heading) else block


def _certified(found: Certificate) -> Iterable[Block]:
    yield Heading("Certificate", 3)
    yield Table(HEADINGS, tuple(tuple(map(_short, row.cells())) for row in found.rows))
    yield Paragraph(escape_dollars(found.summary()), "note")


def _short(cell: str) -> str:
    return escape_dollars(cell if len(cell) <= WIDE else cell[: WIDE - 3] + "...")

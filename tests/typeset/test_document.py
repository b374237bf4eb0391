"""Derivations and documents: every format is complete, well-formed and compiles."""

from __future__ import annotations

import re
import shutil
from xml.etree import ElementTree

import pytest
from sympy import exp, log

from symgrad.errors import SymgradError
from symgrad.functions import apply
from symgrad.ir.system import Equation, Step
from symgrad.typeset import Code, Derivation, Items, Paragraph, Table, document, references
from symgrad.typeset import files as files_module
from symgrad.typeset.blocks import Formula, latex_text, to_html, to_latex
from symgrad.typeset.derivation import fact_text
from symgrad.typeset.files import compile_latex
from symgrad.typeset.measure import width

from .systems import EMPTY, A, D, FakeRule, K, N, d, j, k, n, system, term
from .test_equation import GOLDEN, P, X, Y, Z

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")

ADJOINT = FakeRule("adjoint", "Griewank & Walther, Evaluating Derivatives (2008), §3.2")
SUMS = FakeRule(
    "derived sum: a sum that equals a fact is replaced by it", "Gautam, Rajopadhye: Simplifying reductions (POPL 2006)"
)
PLAIN = FakeRule("write_out")
LOSS = Equation("L", (term((), -Y * log(P) / N, n=N, k=K),))
RAW = Equation("dL_dz", (term((n, k), P * A("Y", n, j) / N, n=N, k=K, j=K), term((n, k), -Y / N, n=N, k=K)))
CLOSED = Equation("dL_dz", (term((n, k), (P - Y) / N, n=N, k=K),))
WEIGHTS = Equation("dL_dW", (term((d, k), X * A("dL_dz", n, k), n=N, k=K, d=D),))
LOG = (
    Step(ADJOINT, (LOSS,), (RAW,), note="50% of the cost of L_1 & its parts"),
    Step(SUMS, (RAW,), (CLOSED,), under=(r"\sum_{k} Y_{n,k} = 1", "N > 0")),
    Step(PLAIN, (CLOSED,), ()),
    Step(ADJOINT, (), (WEIGHTS,)),
)


def derivation() -> Derivation:
    return Derivation(system(LOSS, CLOSED, WEIGHTS, outputs=("L", "dL_dz", "dL_dW"), log=LOG), "Softmax regression")


def wide_equations() -> list[Equation]:
    """Longer than any line: a sum under a sum sign, a divisor, an exponent, a product."""
    total = sum(P**power * Y**2 * apply("tanh", X + power) * A("dL_dW", d, k) for power in range(1, 13))
    inside = sum(P**power * apply("tanh", Z + power) for power in range(1, 13))
    product = 1
    for power in range(1, 14):
        product *= apply("tanh", X + power)
    return [
        Equation("dL_dz", (term((n, k), total / N, n=N, k=K, d=D),)),
        Equation("z", (term((n, k), 1 / (1 + exp(-inside)), n=N, k=K),)),
        Equation("z1", (term((n, k), inside / (2 + inside), n=N, k=K),)),
        Equation("p", (term((n, k), product, n=N, k=K),)),
    ]


def test_references_each_once_in_order_of_use() -> None:
    assert references(derivation()) == (ADJOINT.cite, SUMS.cite)


def test_steps_are_the_log() -> None:
    assert derivation().steps == LOG


def test_markdown() -> None:
    text = derivation().markdown()
    assert text.startswith("# Softmax regression\n")
    plain = text.replace("\\", "")
    assert "### 1–2. adjoint, derived sum" in plain and "### 3. write_out" in plain and "### 4. adjoint" in plain
    assert r"under $\sum_{k} Y_{n,k} = 1$; $N > 0$" in text
    assert "1: adjoint [1] (50% of the cost of L_1 & its parts). 2: derived sum [2]" in plain
    assert r"\Longrightarrow\quad \frac{\partial L}{\partial z_{n,k}} &=" in text
    assert "- derived sum: a sum that equals a fact is replaced by it [2]" in plain
    assert "## Result" in text and "1. Griewank & Walther" in text
    assert r"\operatorname" not in text  # GitHub refuses it


def test_a_chain_of_rewrites_is_a_chain_of_equalities() -> None:
    chain = derivation().markdown().split("### 1")[1].split("### 3")[0]
    assert chain.count(r"\frac{\partial L}{\partial z_{n,k}}") == 1
    assert chain.count("&=") == 3


def test_a_step_that_changes_nothing_visible_is_left_out() -> None:
    same = Step(SUMS, (CLOSED,), (CLOSED,))
    assert "### " not in Derivation(system(CLOSED, outputs=("dL_dz",), log=(same,))).markdown()


@pytest.mark.parametrize(
    ("fact", "latex"),
    [
        ("sum[k](Y[n, k]) = 1", r"$\sum_{k} Y_{n,k} = 1$"),
        ("p[n,k] > 0", "$p_{n,k} > 0$"),
        ("1 - beta1**2 != 0", r"$1 - {\beta_{1}}^{2} \ne 0$"),
        ("m/(2*N) >= sqrt(x)", r"$\frac{m}{2 N} \ge \operatorname{sqrt}(x)$"),
        (r"\mu > 0", r"$\mu > 0$"),
        ("every factor is finite", "every factor is finite"),
        ("__import__('os').system('x')", "__import__('os').system('x')"),
        ("x costs $5", r"x costs \$5"),
    ],
)
def test_facts(fact: str, latex: str) -> None:
    assert fact_text(fact, EMPTY) == latex


def test_html_is_xml_and_needs_no_network() -> None:
    page = derivation().html()
    root = ElementTree.fromstring(page)
    maths = root.findall(".//{http://www.w3.org/1998/Math/MathML}math")
    assert len(maths) == 3 + 2 + 1  # chains, facts, result
    assert "<script" not in page and "<link" not in page and "src=" not in page
    assert set(re.findall(r'https?://[^"<\s]+', page)) == {
        "http://www.w3.org/1999/xhtml",
        "http://www.w3.org/1998/Math/MathML",
    }
    assert ElementTree.fromstring(derivation()._repr_html_()).tag == "div"


def test_html_escapes_what_users_write() -> None:
    page = to_html("<script>alert(1)</script>", [Paragraph("a < b & <img src=x>"), Code("</pre><script>")])
    assert "<script" not in page and "<img" not in page
    ElementTree.fromstring(page)


def test_notebook_representations() -> None:
    shown = derivation()
    assert shown._repr_latex_().startswith("$$\n\\begin{aligned}") and shown._repr_markdown_() == shown.markdown()


def test_latex_text() -> None:
    assert latex_text("a_1 & 50% {x} \\ Schrödinger ≤ σ § –") == (
        r"a\_1 \& 50\% \{x\} \textbackslash{} Schr\"{o}dinger $\le$ $\sigma$ \S{} --"
    )


def sections():
    return [
        ("Model", [Code("z[n,k] = sum[d](X[n,d]*W[d,k])  # 100 % _ ^ ~ \\ {}"), "Costs 5\\$.\n\nWith $x_{n}$."]),
        ("Derivation", derivation()),
        ("Equations", system(LOSS, CLOSED)),
        ("Check", [Items(("a & b", "$p_{n}$")), Table(("test", "error"), (("differences", "$10^{-9}$"),))]),
    ]


@pytest.mark.parametrize("suffix", [".md", ".html", ".tex"])
def test_document_formats(tmp_path, suffix: str) -> None:
    path = document("A & B", sections(), tmp_path / f"out{suffix}")
    text = path.read_text(encoding="utf-8")
    assert "Griewank" in text and "Costs 5" in text
    assert document("A & B", sections(), tmp_path / f"again{suffix}").read_text(encoding="utf-8") == text


def test_document_of_another_format_is_refused(tmp_path) -> None:
    with pytest.raises(SymgradError, match=r"a document ends in \.md, \.html, \.tex or \.pdf"):
        document("A", sections(), tmp_path / "out.docx")
    with pytest.raises(SymgradError, match="cannot write"):
        document("A", sections(), tmp_path / "absent" / "out.md")


def test_pdf_without_tex_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(files_module.shutil, "which", lambda name: None)
    with pytest.raises(SymgradError, match="texlive-latex-base"):
        derivation().pdf(tmp_path / "out.pdf")


@needs_tex
def test_document_compiles(tmp_path) -> None:
    assert document("A & B", sections(), tmp_path / "out.pdf").read_bytes().startswith(b"%PDF")


@needs_tex
def test_every_golden_equation_compiles_and_none_is_overfull() -> None:
    lines = tuple(latex.replace(" = ", " &= ", 1) for _, latex, _ in GOLDEN.values())
    _, log_text = compile_latex(to_latex("Golden", [Formula(lines)]))
    assert "Overfull" not in log_text


@needs_tex
def test_estimated_widths_are_near_what_tex_draws() -> None:
    """An estimate: 25 % and 1 em off at most, which the distance of WIDTH from the line's 42 em allows for."""
    shown = [latex for _, latex, _ in GOLDEN.values()] + [" + ".join(["x_{i} y_{n,k}"] * 15)]
    boxes = "\n".join(rf"\sbox0{{$\displaystyle {f}$}}\typeout{{WIDTH \the\wd0}}" for f in shown)
    _, log_text = compile_latex(to_latex("W", []).replace(r"\end{document}", boxes + r"\end{document}"))
    drawn = [float(w) / 10.95 for w in re.findall(r"WIDTH ([\d.]+)pt", log_text)]  # 10.95 pt: an em at 11 points
    assert len(drawn) == len(shown)
    for latex, em in zip(shown, drawn, strict=True):
        assert abs(width(latex) - em) < 0.25 * em + 1, latex


@needs_tex
def test_wide_formulas_are_broken_or_scaled() -> None:
    wide = wide_equations()
    _, log_text = compile_latex(Derivation(system(*wide, outputs=("z", "z1", "p", "dL_dz"))).latex())
    assert "Overfull" not in log_text


@needs_tex
def test_the_width_check_sees_an_overfull_line() -> None:
    """Negative control of the two tests above."""
    formula = " + ".join(f"x_{{{i}}}" for i in range(40))
    source = to_latex("Wide", []).replace(r"\end{document}", rf"\mbox{{${formula}$}}\end{{document}}")
    assert "Overfull" in compile_latex(source)[1]


@needs_tex
def test_the_compile_check_sees_a_wrong_command() -> None:
    """Negative control: TeX stops at what it does not know."""
    with pytest.raises(SymgradError, match="Undefined control sequence"):
        compile_latex(to_latex("Wrong", [Formula((r"x &= \notacommand{y}",))]))

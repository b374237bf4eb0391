"""Pages and the book: complete in each format, well-formed, with pictures, an index, certificates that can fail."""

import re
import shutil
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import sympy

import symgrad as sg
from symgrad import book, cli
from symgrad.analysis.report import Report
from symgrad.book.forms import forms, largest_errors
from symgrad.book.plots import RATES, SURFACES, TARGETS, optimizer_paths, pictures, steps
from symgrad.calculus.rewrite import Rule
from symgrad.errors import SymgradError
from symgrad.ir.system import Step
from symgrad.library.gallery import GALLERY, entry
from symgrad.library.optimizers import NAMES as OPTIMIZERS
from symgrad.typeset.blocks import (
    Code,
    Formula,
    Heading,
    Links,
    Paragraph,
    Picture,
    Table,
    to_html,
    to_latex,
    to_markdown,
)
from symgrad.typeset.files import compile_latex

NAMES = ("chain_rule", "softplus", "bias_correction", "kl_bernoulli")
needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


@pytest.fixture(scope="module")
def blocks():
    return tuple(book.book([entry(name) for name in NAMES]))


def test_the_book_has_contents_an_index_and_references(blocks):
    contents, index = (b for b in blocks if isinstance(b, Links))
    anchors = [b.anchor for b in blocks if isinstance(b, Heading) and b.anchor]
    assert anchors == [a for _, places in contents.rows for _, a in places] and len(anchors) == len(NAMES)
    assert {term for term, _ in index.rows} >= {"adjoint", "chain rule"}
    assert [b.text for b in blocks if isinstance(b, Heading)][-2:] == ["Index of rules", "References"]
    assert sum(isinstance(b, Heading) and b.text == "Certificate" for b in blocks) >= len(NAMES)


def test_the_page_is_well_formed_and_needs_no_network(blocks):
    text = to_html("Book", blocks)
    root = ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    places = {e.get("id") for e in root.iter() if e.get("id")}
    assert {e.get("href")[1:] for e in root.iter() if e.get("href")} <= places
    assert "data:image/png;base64," in text and not re.search(r"""(src|href)=["']https?:""", text)


def test_markdown_links_lead_somewhere(blocks):
    text = to_markdown("Book", blocks)
    assert set(re.findall(r"\]\(#(.+?)\)", text)) <= set(re.findall(r'<a id="(.+?)">', text))


@needs_tex
def test_latex_compiles_without_an_overfull_line(blocks):
    files = {b.file: b.png for b in blocks if isinstance(b, Picture)}
    log = compile_latex(to_latex("Book", blocks), files)[1]
    assert "Overfull \\hbox" not in log and "undefined references" not in log


def test_latex_refers_to_what_is_there(blocks):
    text = to_latex("Book", blocks)
    assert set(re.findall(r"\\pageref\{(.+?)\}", text)) <= set(re.findall(r"\\label\{(.+?)\}", text))
    assert text.count(r"\begin{") == text.count(r"\end{") and r"\text{(m_t" not in text


def test_what_stopped_latex():
    """Constants, a caret in a rule's name, a table longer than a page, a result wider than the line."""
    assert r"\frac{\sqrt{2}}{\sqrt{\pi}} x" in sg.program("x: parameter\ny = sqrt(2/pi)*x").latex()
    report = book.derived(entry("poisson_variance"))[0]
    assert r"(k q\textasciicircum{}k = q d/dq" in report.latex() and "k\u00a0q^k" in report.html()
    wide = Paragraph(f"The result is ${' + '.join(['x'] * 40)}$.")
    text = to_latex("t", [Table(("a", "b"), (("1", "2"),) * 99), wide])
    assert r"\begin{longtable}{ll}" in text and r"The result is \[\fit{x + x" in text


def test_a_wide_left_side_leaves_less_room():
    row = "v &= " + " + ".join(f"x_{{{i}}}" for i in range(40))
    assert r"&= \fit{x" in to_latex("t", [Formula((row,))])
    assert r"&= \fit[0.7" in to_latex("t", [Formula((row, r"\Longrightarrow\quad \mathrm{rather\ wide}_{n,m} &= 1"))])


def test_names_as_headings():
    assert [book.page.title(entry(n)) for n in ("kl_normal", "relu6", "mlp_backprop")] == [
        "KL normal", "ReLU6", "MLP backprop"
    ]  # fmt: skip


def test_wide_code_is_continued():
    lines = to_latex("t", [Code("y = " + " + ".join(f"x{i}" for i in range(60)))]).splitlines()
    assert max(map(len, lines)) < 200  # 84 characters, some of which LaTeX spells by several


def test_a_book_on_disk(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("symgrad.cli.gallery.GALLERY", {n: GALLERY[n] for n in ("relu", "chain_rule")})
    assert cli.main(["derive", "--all", "--format", "md", "--out", str(tmp_path / "book")]) == 0
    assert "relu\n" in capsys.readouterr().err
    written = {p.name for p in (tmp_path / "book").iterdir()}
    assert written == {"book.md", "relu_curve.png"}
    assert cli.main(["derive", "--all"]) == 2 and "a book needs a folder" in capsys.readouterr().err
    assert cli.main(["derive", "relu", "--format", "pdf"]) == 2 and "--out relu.pdf" in capsys.readouterr().err


# certificates


def test_a_report_whose_rule_gives_something_else_fails():
    x = sympy.Symbol("x", real=True)
    rule = Rule("double", lambda context, before: 2 * before, relation=r"\mapsto")
    good = Report("Doubled", x, (rule.step(None, x),), "", 2 * x)
    assert book.certificate(good).ok
    bad = replace(good, steps=(Step(rule, x, 3 * x),))
    assert not book.certificate(bad).ok and "double" in str(book.certificate(bad))


def test_a_step_that_replays_and_is_wrong_fails():
    x = sympy.Symbol("x", real=True)
    wrong = Rule("a wrong rule", lambda context, before: sympy.cos(x))
    found = book.certificate(Report("Wrong", sympy.sin(x), (wrong.step(None, sympy.sin(x)),), "", None))
    assert not found.ok and "a wrong rule" in str(found)


def test_a_hessian_is_compared_with_differences_of_the_gradient():
    found = book.derived(entry("softplus"))[1]
    names = {row.name for row in book.certificate(found, kernel=False).rows if row.of == "d2y_dx_dx"}
    assert {"central differences", "complex step", "50 digits"} <= names
    broken = replace(found, raw=book.derived(replace(entry("softplus"), text="x: parameter\ny = silu(x)"))[1].raw)
    assert not book.certificate(broken, kernel=False).ok


def test_the_two_forms_and_their_errors():
    """On paper (1 - p) loses digits where p is near 1; the kernel's form does not."""
    found = book.derived(entry("sigmoid"))[0]
    assert any(isinstance(b, Heading) and b.text == "Two forms" for b in forms(found))
    paper, kernel = largest_errors(found)["ds_dx"]
    assert kernel < paper


# pictures


def test_activations_losses_and_optimisers_have_pictures():
    for name in ("prelu", "huber", "hinge", "cross_entropy", "adam"):
        (picture,) = pictures(entry(name))
        assert picture.png.startswith(b"\x89PNG") and picture.file.startswith(name)
    assert list(pictures(entry("attention"))) == []
    assert set(RATES) == set(OPTIMIZERS) and set(SURFACES) | set(TARGETS) <= set(GALLERY)
    assert "sgd" in optimizer_paths(("sgd", "momentum")).name


@pytest.mark.parametrize("name", RATES)
def test_the_paths_go_down(name):
    path = steps(name)
    value = path[:, 0] ** 2 / 2 + 8 * path[:, 1] ** 2
    assert value[-1] < value[0] / 4


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SymgradError, match="cannot make the folder"):
        book.write_book([], tmp_path / "file" / "book")

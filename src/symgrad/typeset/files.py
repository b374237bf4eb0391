"""Documents on disk: the format is the extension of the path (.md, .html, .tex, .pdf)."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import SymgradError
from .blocks import Block, Picture, to_html, to_latex, to_markdown

WRITERS = {".md": to_markdown, ".html": to_html, ".tex": to_latex}
TIMEOUT = 300  # seconds; a derivation of some hundred steps takes about two


def write_document(title: str, blocks: Iterable[Block], path: str | Path) -> Path:
    """Write the blocks to `path` in the format of its extension; return the path. Pictures lie beside .md and .tex.

    Raises SymgradError for another extension, a folder that does not exist, or a .pdf without pdflatex.
    """
    path, blocks = Path(path), tuple(blocks)
    pictures = {b.file: b.png for b in blocks if isinstance(b, Picture)}
    if path.suffix == ".pdf":
        return write_pdf(to_latex(title, blocks), path, pictures)
    if path.suffix not in WRITERS:
        raise SymgradError(f"{path.name}: a document ends in .md, .html, .tex or .pdf.")
    for name, png in pictures.items() if path.suffix != ".html" else ():
        _write(path.parent / name, png)
    return _write(path, WRITERS[path.suffix](title, blocks).encode())


def _write(path: Path, content: bytes) -> Path:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SymgradError(f"cannot write {path}: {error.strerror}.") from error
    return path


def write_pdf(latex: str, path: Path, pictures: Mapping[str, bytes] | None = None) -> Path:
    """Compile a LaTeX document to `path`."""
    return _write(path, compile_latex(latex, pictures)[0])


def compile_latex(latex: str, pictures: Mapping[str, bytes] | None = None) -> tuple[bytes, str]:
    """(the PDF, the log of pdflatex). `pictures` are files it includes; it runs twice where pages are referred to.
    Shell escape is off; nothing is left behind.

    Raises SymgradError with the first error of the log.
    """
    program = shutil.which("pdflatex")
    if program is None:
        raise SymgradError(
            "pdflatex is not installed, and a PDF needs it.\n"
            "    Install TeX (Debian, Ubuntu: apt-get install texlive-latex-base texlive-latex-recommended),\n"
            "    or write .html: it needs nothing but a browser, which can print to PDF."
        )
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "document.tex"
        source.write_text(latex, encoding="utf-8")
        command = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", source.name]
        for name, content in (pictures or {}).items():
            (Path(folder) / name).write_bytes(content)
        log = ""
        for _ in range(2 if r"\pageref" in latex else 1):
            run = subprocess.run(command, cwd=folder, capture_output=True, timeout=TIMEOUT, check=False)
            log = run.stdout.decode("utf-8", "replace")
            if run.returncode:
                raise SymgradError(f"pdflatex failed: {_first_error(log)}")
        return source.with_suffix(".pdf").read_bytes(), log


def _first_error(log: str) -> str:
    lines = log.splitlines()
    start = next((n for n, line in enumerate(lines) if line.startswith("!")), max(0, len(lines) - 3))
    return " ".join(lines[start : start + 3])

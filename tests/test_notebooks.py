"""The notebooks under derivations/ run from top to bottom; their last cells assert what they claim."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "derivations" / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))
COMPILED = {"digits_mlp", "vae", "denoising_autoencoder"}  # kernels of networks: seconds


def cells(path: Path) -> list[str]:
    book = json.loads(path.read_text(encoding="utf-8"))
    assert book["nbformat"] == 4 and len({c["id"] for c in book["cells"]}) == len(book["cells"])
    return ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]


@pytest.mark.parametrize(
    "path", [pytest.param(p, marks=[pytest.mark.slow] * (p.stem in COMPILED)) for p in BOOKS], ids=lambda p: p.stem
)
def test_a_notebook_runs(path, monkeypatch):
    scope = {"__name__": "__main__"}
    for number, text in enumerate(cells(path)):
        exec(compile(text, f"{path.name}, cell {number}", "exec"), scope)
    assert any("assert" in text for text in cells(path))


def test_all_are_here():
    assert len(BOOKS) == 6

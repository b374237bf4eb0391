"""What holds the package together: lazy imports, layers, version, and that the README and CI say the same."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import symgrad

ROOT = Path(__file__).parent.parent
HEAVY = ("numba", "llvmlite", "matplotlib", "sklearn", "rich")


def loaded_after(code: str) -> set[str]:
    """Which heavy modules a fresh interpreter has loaded after `code`."""
    probe = f"{code}\nimport sys\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_import_is_light():
    assert loaded_after("import symgrad") == set()
    assert loaded_after("import symgrad as sg; sg.program; sg.models; sg.optimizers; sg.gallery") == set()


def test_the_probe_sees_what_is_loaded():
    assert "rich" in loaded_after("import rich")


def test_deriving_needs_no_compiler():
    assert loaded_after("from symgrad.cli import main; main(['derive', 'sigmoid', '--format', 'md'])") == set()


@pytest.mark.parametrize("name", symgrad.__all__)
def test_every_public_name_exists(name):
    assert getattr(symgrad, name) is not None
    assert name in dir(symgrad)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        symgrad.nothing  # noqa: B018


def test_version_is_that_of_the_package():
    assert symgrad.__version__ == version("symgrad")


def test_imports_point_down():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ci_runs_the_command_of_the_readme():
    readme, ci = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    (block,) = re.findall(r"<!-- test command -->\n```sh\n(.+?)\n```\n<!-- end -->", readme, re.S)
    assert "pip install" in block and "pytest" in block
    assert "README.md" in ci and not re.search(r"pytest(?! -q tests/cuda)", ci)  # read from there, not written twice


def test_the_example_of_the_readme_prints_what_it_says():
    readme = (ROOT / "README.md").read_text()
    pattern = r"<!-- example -->\n```python\n(.+?)```\n.*?```latex\n(.+?)```\n<!-- end -->"
    ((code, output),) = re.findall(pattern, readme, re.S)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_scripts_and_gallery_agree():
    scripts = {(path.parent.name, path.stem) for path in (ROOT / "derivations").glob("*/*.py")}
    assert scripts == {(entry.group, entry.name) for entry in symgrad.gallery.GALLERY.values()}

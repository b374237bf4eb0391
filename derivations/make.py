"""Write a script for each entry of the gallery, and remove those whose entry is gone:  python derivations/make.py"""

from pathlib import Path
from textwrap import wrap

from symgrad.library.entry import Entry
from symgrad.library.gallery import GALLERY

SCRIPT = '''"""{summary}

    python derivations/{group}/{name}.py --out page.md

prints the derivation, writes it as a document, and verifies it.
"""

from symgrad.cli import script

if __name__ == "__main__":
    raise SystemExit(script("{name}"))
'''
HERE = Path(__file__).parent


def script(entry: Entry) -> str:
    return SCRIPT.format(summary="\n".join(wrap(entry.summary, 112)), group=entry.group, name=entry.name)


def main() -> None:
    wanted = {HERE / e.group / f"{e.name}.py": script(e) for e in GALLERY.values()}
    for path in set(HERE.glob("*/*.py")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

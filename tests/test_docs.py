"""Every block of the notation's page is a program."""

import re
from pathlib import Path

import pytest

import symgrad as sg

PAGE = Path(__file__).parent.parent / "docs" / "notation.md"
BLOCKS = re.findall(r"```symgrad\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS, ids=[str(n) for n in range(len(BLOCKS))])
def test_blocks_are_programs(text):
    assert sg.program(text).outputs


def test_there_are_blocks():
    assert len(BLOCKS) >= 7

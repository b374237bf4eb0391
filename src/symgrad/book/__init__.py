"""The gallery as documents: a page for each entry, and all of them as one book."""

from .derived import certificate, derived
from .page import text, write
from .whole import book, write_book

__all__ = ["book", "certificate", "derived", "text", "write", "write_book"]

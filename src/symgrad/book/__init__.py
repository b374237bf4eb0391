"""The gallery as documents: a page for each entry, and all of them as one book."""

from .derived import certificate, derived
from .page import text, write

__all__ = ["certificate", "derived", "text", "write"]

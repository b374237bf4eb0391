"""The structure of a Jacobian or Hessian: compressed storage (`compress`), what its blocks are (`blocks`), how to solve
with it (`plan`)."""

from .blocks import Block, blocks
from .compress import compress
from .plan import Plan, decide

__all__ = ["Block", "Plan", "blocks", "compress", "decide"]

"""Scalar calculus, step by step: each line follows from the one before it by a named rule, and the last is the answer.

| module | does |
|---|---|
| `operators` | d/dx, an integral, a limit as SymPy nodes that stand still until a rule removes them |
| `steps` | a calculation: lines of such expressions, each made from the one before by a `Rule` |
| `derivative` | the rules of differentiation, one choice for each form |
| `limit` | limits, and the derivative from its definition |
| `antiderivative`, `integral` | the rules of integration; definite and multiple integrals |
| `taylor` | expansions with their remainder |
| `check` | lines against numbers, and against SymPy |
| `patience` | the limit on time |
"""

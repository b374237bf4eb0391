"""Definitions, nothing else: activations, losses, models, optimisers, and the gallery of derivations.

Every entry is text in the notation, or data about it. `optimizers.adam` returns an `Optimizer`.
"""

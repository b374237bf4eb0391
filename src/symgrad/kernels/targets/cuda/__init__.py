"""CUDA: the same loops, dealt to teams of threads."""

"""How facts come in by themselves: session readers, the differ, stage and class rules.

Readers turn a stranger's bytes into one neutral model; the differ compares models, never text.
"""

"""Figures of stemproof, each beside its peer or its limit, measured in the same run.

One module a group; each has `measure(quick)`, which yields rows. See `figures.Row`.
"""

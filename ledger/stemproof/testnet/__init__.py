"""A chain and a gateway on this computer, for demonstrations, rehearsals and tests.

What a local chain says proves nothing to others: its clock and blocks are its owner's.
"""

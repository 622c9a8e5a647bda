"""Reports, claims and bundles: what an artist hands to a stranger.

A consensus room: a change here can orphan bundles already issued, so each change
needs a new vector and a note in docs/format.md. No I/O.
"""

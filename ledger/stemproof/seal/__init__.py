"""Trees, maps and checkpoints: what a log commits to and how a stranger checks it.

A consensus room: a change here can orphan proofs already issued, so each change needs a new
vector under tests/vectors/ and a note in docs/format/seal.md. Pure: bytes and numbers in, values
out. Nothing is imported here, so that the room costs nothing until a part of it is used.
"""

"""What one fact is: event headers, canonical bytes, commitments, vocabulary.

A consensus room: a change here can orphan proofs already issued, so each change
needs a new vector under tests/vectors/ and a note in docs/format.md.
"""

"""What a chain proves: RLP, Merkle-Patricia tries, headers, receipts, EIP-712, signatures.

Pure: bytes and numbers in, values out, or `Refuted` with a sentence. Nothing here says
that a block is part of the canonical chain; whoever asks must find that out elsewhere.

A consensus room: a change here can orphan proofs already issued, so each change
needs a new vector under tests/vectors/ and a note in docs/format/evidence.md.
"""

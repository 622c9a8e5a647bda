"""Keys: recovery words, what is derived from them, the key file, and event 0 of a log.

`binding` is consensus: a change there can orphan logs already begun, so it needs a new
vector under tests/vectors/binding/ and a note in docs/keys.md. `derive` is as binding on
artists: other bytes there and their words no longer open their keys.
"""

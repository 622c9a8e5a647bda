"""One reader a DAW: bytes -> Session, or BadInput. Readers do no I/O and keep no state."""

"""Scripts that run inside a DAW and tell what is decided there, and where they are put."""

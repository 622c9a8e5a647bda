"""The catalogue of AI-capable tools, and what a save tells of such a tool. No I/O, no guesses."""

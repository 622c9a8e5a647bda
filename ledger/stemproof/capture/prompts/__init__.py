"""Prompts and what came of them: what is read of a call to a generator, and what never is."""

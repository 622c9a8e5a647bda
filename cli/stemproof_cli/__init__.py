"""The command line of stemproof: parse, call, say."""

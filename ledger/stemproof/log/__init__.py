"""The append-only store of one ledger folder: events, trees, checkpoints, in SQLite."""

-- From schema version 1 to 2: what is known of undo logs. No row is touched.

-- Undo logs of programs, as they were when they were last read. Local state.
CREATE TABLE undo_log (
    work BLOB NOT NULL REFERENCES project (work),
    path TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (work, path)
) STRICT, WITHOUT ROWID;

-- Entries of undo logs that are recorded already, by digest: a log holds them again and again.
CREATE TABLE undo_entry (
    work BLOB NOT NULL REFERENCES project (work),
    entry BLOB NOT NULL CHECK (length(entry) = 16),
    PRIMARY KEY (work, entry)
) STRICT, WITHOUT ROWID;

-- The vault's database, schema version 1 (PRAGMA user_version): kept files, encrypted.
-- What a row says in clear: of which work and kind a file is, its digest, size and time.
CREATE TABLE kept (
    number INTEGER PRIMARY KEY,
    work BLOB NOT NULL CHECK (length(work) = 16),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    kind TEXT NOT NULL CHECK (kind IN ('session', 'undo', 'output')),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    made TEXT NOT NULL,
    -- Whether the file's own packing was taken off: of what later files are differences from.
    is_unpacked INTEGER NOT NULL CHECK (is_unpacked IN (0, 1)),
    -- The age recipient; a difference is only from what the same key opens.
    recipient TEXT NOT NULL,
    -- The file that this one is written as a difference from, and how many such steps lead to it.
    base INTEGER REFERENCES kept (number),
    depth INTEGER NOT NULL CHECK (depth BETWEEN 0 AND 63),
    -- The number of the first file of the chain: a chain is dropped whole.
    chain INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    UNIQUE (work, digest)
) STRICT;
CREATE INDEX kept_by_chain ON kept (chain, made);
CREATE INDEX kept_by_base ON kept (base);

-- A kept file is dropped or written anew when what it rests on is dropped, never altered else.
CREATE TRIGGER kept_is_not_replaced BEFORE INSERT ON kept
WHEN EXISTS (SELECT 1 FROM kept WHERE work = NEW.work AND digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'a kept file is not replaced'); END;
CREATE TRIGGER kept_names_one_file BEFORE UPDATE OF work, digest, kind, bytes, made, is_unpacked ON kept
BEGIN SELECT RAISE(ABORT, 'a kept file is not altered'); END;

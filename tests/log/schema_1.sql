-- The ledger's database, schema version 1 (PRAGMA user_version).
-- Triggers stop our own slips; what stops a forger is the sealed and anchored root.

-- One row a device log that this ledger holds; the newest one is written to.
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    origin TEXT NOT NULL UNIQUE
) STRICT;

-- One RFC 6962 tree for each work in each log; work 00..00 is the log's own tree.
CREATE TABLE tree (
    number INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES log (number),
    work BLOB NOT NULL CHECK (length(work) = 16),
    UNIQUE (log, work)
) STRICT;

-- Headers, for ever. id orders all events of this ledger; log_seq counts within the log.
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    tree INTEGER NOT NULL REFERENCES tree (number),
    work_seq INTEGER NOT NULL CHECK (work_seq >= 0),
    log_seq INTEGER NOT NULL CHECK (log_seq >= 0),
    header BLOB NOT NULL CHECK (length(header) BETWEEN 2 AND 2048)
) STRICT;
CREATE UNIQUE INDEX event_by_tree ON event (tree, work_seq);

-- Salts and values that open a header's commitments; they can be erased.
CREATE TABLE opening (
    event INTEGER NOT NULL REFERENCES event (id),
    field TEXT NOT NULL,
    salt BLOB NOT NULL CHECK (length(salt) = 16),
    value BLOB NOT NULL,
    PRIMARY KEY (event, field)
) STRICT, WITHOUT ROWID;

-- Inner nodes of complete subtrees, level 3 and up; those below are hashed from the headers.
CREATE TABLE node (
    tree INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 3 AND 63),
    position INTEGER NOT NULL CHECK (position >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tree, level, position)
) STRICT, WITHOUT ROWID;

-- Signed checkpoints, written only when one is about to be anchored.
CREATE TABLE checkpoint (
    log INTEGER NOT NULL REFERENCES log (number),
    size INTEGER NOT NULL CHECK (size > 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    note BLOB NOT NULL,
    PRIMARY KEY (log, size)
) STRICT, WITHOUT ROWID;

-- The trees that grew since the checkpoint before: their sizes and roots in this one.
CREATE TABLE head (
    tree INTEGER NOT NULL REFERENCES tree (number),
    checkpoint INTEGER NOT NULL,
    size INTEGER NOT NULL CHECK (size > 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    PRIMARY KEY (tree, checkpoint)
) STRICT, WITHOUT ROWID;

-- Records of the sparse map of work heads (see seal/workmap.py), as of each checkpoint.
CREATE TABLE map_record (
    log INTEGER NOT NULL REFERENCES log (number),
    depth INTEGER NOT NULL CHECK (depth BETWEEN 0 AND 256),
    prefix BLOB NOT NULL,
    checkpoint INTEGER NOT NULL,
    value BLOB NOT NULL CHECK (length(value) IN (32, 96)),
    PRIMARY KEY (log, depth, prefix, checkpoint)
) STRICT, WITHOUT ROWID;

-- Anchors: the intent is stored before anything is sent.
CREATE TABLE anchor (
    number INTEGER PRIMARY KEY,
    log INTEGER NOT NULL REFERENCES log (number),
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    chain INTEGER NOT NULL,
    contract BLOB NOT NULL CHECK (length(contract) = 20),
    publisher BLOB NOT NULL CHECK (length(publisher) = 20),
    prior BLOB NOT NULL CHECK (length(prior) = 32),
    state TEXT NOT NULL CHECK (state IN ('pending', 'anchored', 'final', 'reorged', 'failed')),
    raw BLOB NOT NULL,
    tx BLOB NOT NULL CHECK (length(tx) = 32),
    intent TEXT NOT NULL,
    block_number INTEGER,
    block_hash BLOB,
    block_time INTEGER,
    parent_hash BLOB,
    evidence BLOB,
    made TEXT NOT NULL
) STRICT;
CREATE INDEX anchor_by_log ON anchor (log, size);

-- What is being watched. Local state, not part of the record.
CREATE TABLE project (
    work BLOB PRIMARY KEY CHECK (length(work) = 16),
    folder TEXT NOT NULL,
    title TEXT NOT NULL,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    session TEXT NOT NULL DEFAULT '',
    last_change TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- The last state seen of each file of a project, and for sessions its bytes (zlib).
CREATE TABLE seen (
    work BLOB NOT NULL REFERENCES project (work),
    path TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('session', 'audio')),
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    saved BLOB,
    PRIMARY KEY (work, path)
) STRICT, WITHOUT ROWID;

-- What was pinned, and where.
CREATE TABLE pin (
    cid TEXT PRIMARY KEY,
    work BLOB NOT NULL,
    path TEXT NOT NULL,
    profile TEXT NOT NULL,
    home TEXT NOT NULL,
    encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
    plain_cid TEXT NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    release TEXT NOT NULL DEFAULT '',
    made TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Small facts of this ledger: schema-independent settings and reminders.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER event_is_final BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are final'); END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are final'); END;
CREATE TRIGGER opening_is_final BEFORE UPDATE ON opening
BEGIN SELECT RAISE(ABORT, 'openings are erased, never changed'); END;
-- Openings may be deleted, so INSERT OR REPLACE needs a guard of its own.
CREATE TRIGGER opening_is_not_replaced BEFORE INSERT ON opening
WHEN EXISTS (SELECT 1 FROM opening WHERE event = NEW.event AND field = NEW.field)
BEGIN SELECT RAISE(ABORT, 'openings are erased, never changed'); END;
CREATE TRIGGER node_is_final BEFORE UPDATE ON node
BEGIN SELECT RAISE(ABORT, 'nodes are final'); END;
CREATE TRIGGER node_stays BEFORE DELETE ON node
BEGIN SELECT RAISE(ABORT, 'nodes are final'); END;
CREATE TRIGGER checkpoint_is_final BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'a signed checkpoint is final'); END;
CREATE TRIGGER checkpoint_stays BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'a signed checkpoint is final'); END;
CREATE TRIGGER head_is_final BEFORE UPDATE ON head
BEGIN SELECT RAISE(ABORT, 'a sealed head is final'); END;
CREATE TRIGGER head_stays BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'a sealed head is final'); END;
CREATE TRIGGER map_record_is_final BEFORE UPDATE ON map_record
BEGIN SELECT RAISE(ABORT, 'a map record is final'); END;
CREATE TRIGGER map_record_stays BEFORE DELETE ON map_record
BEGIN SELECT RAISE(ABORT, 'a map record is final'); END;
CREATE TRIGGER log_is_final BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'a log is final'); END;
CREATE TRIGGER log_stays BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'a log is final'); END;
CREATE TRIGGER tree_is_final BEFORE UPDATE ON tree
BEGIN SELECT RAISE(ABORT, 'a tree is final'); END;
CREATE TRIGGER tree_stays BEFORE DELETE ON tree
BEGIN SELECT RAISE(ABORT, 'a tree is final'); END;

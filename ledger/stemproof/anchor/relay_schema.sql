-- A relay's database, schema version 1 (PRAGMA user_version): what it took in, and what it sent.
-- All of it is public or will be; it is kept so that nothing is lost or paid twice over a crash.

-- Heads sent together in one transaction, or to be: the number of the account is theirs.
CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('stored', 'mined', 'final', 'failed')),
    made INTEGER NOT NULL,
    -- The most that it may cost, in wei; what it did cost, once it is in a block.
    cost TEXT NOT NULL,
    spent TEXT,
    tx BLOB CHECK (length(tx) = 32),
    block_number INTEGER,
    block_hash BLOB CHECK (length(block_hash) = 32),
    CHECK ((state IN ('mined', 'final')) = (block_hash IS NOT NULL))
) STRICT;
CREATE INDEX batch_by_state ON batch (state);

-- Signed transactions, stored before they are sent; a later one of a batch offers a better fee.
CREATE TABLE sending (
    number INTEGER PRIMARY KEY,
    tx BLOB NOT NULL UNIQUE CHECK (length(tx) = 32),
    batch INTEGER NOT NULL REFERENCES batch (number),
    raw BLOB NOT NULL,
    made INTEGER NOT NULL
) STRICT;
CREATE INDEX sending_by_batch ON sending (batch, number);

CREATE TABLE head (
    number INTEGER PRIMARY KEY,
    ticket TEXT NOT NULL UNIQUE CHECK (length(ticket) = 64),
    body BLOB NOT NULL,
    publisher BLOB NOT NULL CHECK (length(publisher) = 20),
    origin BLOB NOT NULL CHECK (length(origin) = 32),
    deadline INTEGER NOT NULL,
    received INTEGER NOT NULL,
    -- Whether only its chain can tell who signed: a wallet contract may be asked.
    asks INTEGER NOT NULL CHECK (asks IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'mined', 'refused')),
    -- How often a batch with it came to nothing.
    tries INTEGER NOT NULL DEFAULT 0,
    batch INTEGER REFERENCES batch (number),
    place INTEGER,
    code TEXT,
    reason TEXT,
    CHECK ((state = 'refused') = (code IS NOT NULL)),
    CHECK (state NOT IN ('sent', 'mined') OR batch IS NOT NULL)
) STRICT;
CREATE INDEX head_by_state ON head (state, number);
CREATE INDEX head_by_slot ON head (publisher, origin);
CREATE INDEX head_by_batch ON head (batch, place);

CREATE TRIGGER head_is_what_was_signed BEFORE UPDATE OF ticket, body, publisher, origin ON head
BEGIN SELECT RAISE(ABORT, 'a signed head is not altered'); END;
CREATE TRIGGER sending_is_what_was_signed BEFORE UPDATE ON sending
BEGIN SELECT RAISE(ABORT, 'a signed transaction is not altered'); END;

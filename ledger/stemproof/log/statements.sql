-- name: newest_log
SELECT number, origin FROM log ORDER BY number DESC LIMIT 1;

-- name: logs
SELECT number, origin FROM log ORDER BY number;

-- name: add_log
INSERT INTO log (origin) VALUES (?);

-- name: log_size
SELECT coalesce(sum(size), 0) FROM
(SELECT (SELECT max(work_seq) + 1 FROM event WHERE event.tree = tree.number) AS size
 FROM tree WHERE tree.log = ?);

-- name: tree
SELECT number FROM tree WHERE log = ? AND work = ?;

-- name: add_tree
INSERT INTO tree (log, work) VALUES (?, ?);

-- name: trees
SELECT number, work FROM tree WHERE log = ? ORDER BY number;

-- name: trees_of_work
SELECT tree.number, log.number, log.origin FROM tree JOIN log ON log.number = tree.log
WHERE tree.work = ? ORDER BY log.number;

-- name: tree_size
SELECT coalesce(max(work_seq) + 1, 0) FROM event WHERE tree = ?;

-- name: add_event
INSERT INTO event (id, tree, work_seq, log_seq, header) VALUES (?, ?, ?, ?, ?);

-- name: last_event_id
SELECT coalesce(max(id), 0) FROM event;

-- name: add_opening
INSERT INTO opening (event, field, salt, value) VALUES (?, ?, ?, ?);

-- name: add_node
INSERT INTO node (tree, level, position, hash) VALUES (?, ?, ?, ?);

-- name: node
SELECT hash FROM node WHERE tree = ? AND level = ? AND position = ?;

-- name: header
SELECT header FROM event WHERE tree = ? AND work_seq = ?;

-- name: headers
SELECT work_seq, header FROM event WHERE tree = ? AND work_seq >= ? AND work_seq < ?
ORDER BY work_seq;

-- name: events
SELECT event.id, event.log_seq, event.header FROM event
WHERE event.tree = ? AND event.work_seq >= ? AND event.work_seq < ? ORDER BY event.work_seq;

-- name: events_of_action
SELECT event.id FROM event JOIN tree ON tree.number = event.tree
WHERE tree.work = ? AND instr(event.header, ?) > 0 ORDER BY event.id;

-- name: events_after
SELECT event.id, tree.log, tree.work, event.work_seq, event.log_seq, event.header
FROM event JOIN tree ON tree.number = event.tree
WHERE event.id > ? ORDER BY event.id LIMIT ?;

-- name: events_before
SELECT event.id, tree.log, tree.work, event.work_seq, event.log_seq, event.header
FROM event JOIN tree ON tree.number = event.tree
WHERE event.id < ? ORDER BY event.id DESC LIMIT ?;

-- name: event_by_id
SELECT event.id, tree.log, tree.work, event.work_seq, event.log_seq, event.header
FROM event JOIN tree ON tree.number = event.tree WHERE event.id = ?;

-- name: openings
SELECT field, salt, value FROM opening WHERE event = ? ORDER BY field;

-- name: openings_of_tree
SELECT event.work_seq, opening.field, opening.salt, opening.value
FROM opening JOIN event ON event.id = opening.event
WHERE event.tree = ? AND event.work_seq < ? ORDER BY event.work_seq, opening.field;

-- name: openings_of_work
SELECT event.id, event.log_seq, opening.field
FROM tree JOIN event ON event.tree = tree.number JOIN opening ON opening.event = event.id
WHERE tree.work = ? ORDER BY event.id, opening.field;

-- name: openings_of_field
SELECT event.id, event.log_seq, opening.field
FROM opening JOIN event ON event.id = opening.event
WHERE opening.field = ? ORDER BY event.id;

-- name: erase_opening
DELETE FROM opening WHERE event = ? AND field = ?;

-- name: add_checkpoint
INSERT INTO checkpoint (log, size, root, note) VALUES (?, ?, ?, ?);

-- name: checkpoint
SELECT size, root, note FROM checkpoint WHERE log = ? AND size = ?;

-- name: newest_checkpoint
SELECT size, root, note FROM checkpoint WHERE log = ? ORDER BY size DESC LIMIT 1;

-- name: checkpoints
SELECT size, root, note FROM checkpoint WHERE log = ? ORDER BY size;

-- name: add_head
INSERT INTO head (tree, checkpoint, size, root) VALUES (?, ?, ?, ?);

-- name: head_at
SELECT size, root FROM head WHERE tree = ? AND checkpoint <= ? ORDER BY checkpoint DESC LIMIT 1;

-- name: heads_at
SELECT tree.work, head.size, head.root FROM tree JOIN head ON head.tree = tree.number
WHERE tree.log = ?1 AND head.checkpoint =
(SELECT max(h.checkpoint) FROM head AS h WHERE h.tree = tree.number AND h.checkpoint <= ?2)
ORDER BY tree.number;

-- name: map_record
SELECT value FROM map_record WHERE log = ? AND depth = ? AND prefix = ? AND checkpoint <= ?
ORDER BY checkpoint DESC LIMIT 1;

-- name: add_map_record
INSERT INTO map_record (log, depth, prefix, checkpoint, value) VALUES (?, ?, ?, ?, ?);

-- name: setting
SELECT value FROM setting WHERE name = ?;

-- name: put_setting
INSERT INTO setting (name, value) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: heads_of_tree
SELECT size, root, checkpoint FROM head WHERE tree = ? ORDER BY size;

-- name: log_order
SELECT count(*), min(log_seq), max(log_seq), count(DISTINCT log_seq)
FROM event JOIN tree ON tree.number = event.tree WHERE tree.log = ?;

-- name: out_of_order
SELECT log_seq FROM
(SELECT event.log_seq, lag(event.log_seq, 1, -1) OVER (ORDER BY event.id) AS before
 FROM event JOIN tree ON tree.number = event.tree WHERE tree.log = ?)
WHERE log_seq <= before LIMIT 1;

-- name: events_between
SELECT id, work_seq, header FROM event
WHERE tree = ? AND work_seq >= ? AND work_seq < ? ORDER BY work_seq;

-- name: openings_between
SELECT opening.event, opening.field, opening.salt, opening.value
FROM event CROSS JOIN opening ON opening.event = event.id
WHERE event.tree = ? AND event.work_seq >= ? AND event.work_seq < ?;

-- name: nodes
SELECT position, hash FROM node
WHERE tree = ? AND level = ? AND position >= ? AND position < ?;

-- name: count_nodes
SELECT count(*) FROM node WHERE tree = ?;

-- name: map_records
SELECT checkpoint, depth, prefix, value FROM map_record WHERE log = ? ORDER BY checkpoint;

-- name: heads_of_checkpoint
SELECT tree.number, tree.work, head.size, head.root FROM tree JOIN head ON head.tree = tree.number
WHERE tree.log = ? AND head.checkpoint = ? ORDER BY tree.number;

-- name: heads_unsealed
SELECT DISTINCT head.checkpoint FROM head JOIN tree ON tree.number = head.tree
WHERE tree.log = ? AND NOT EXISTS
(SELECT 1 FROM checkpoint WHERE checkpoint.log = tree.log AND checkpoint.size = head.checkpoint);

-- name: anchors_unsealed
SELECT DISTINCT anchor.size FROM anchor WHERE anchor.log = ? AND NOT EXISTS
(SELECT 1 FROM checkpoint WHERE checkpoint.log = anchor.log
 AND checkpoint.size = anchor.size AND checkpoint.root = anchor.root);

-- name: triggers
SELECT name FROM sqlite_schema WHERE type = 'trigger';

-- name: loose_rows
SELECT "table", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2
UNION ALL
SELECT 'node', 'tree', count(*) FROM node WHERE tree NOT IN (SELECT number FROM tree)
HAVING count(*) > 0;

-- name: integrity
PRAGMA integrity_check(20);

-- name: add_project
INSERT INTO project (work, folder, title) VALUES (?, ?, ?);

-- name: projects
SELECT project.work, folder, title, paused, session, last_change FROM project
LEFT JOIN tree ON tree.work = project.work GROUP BY project.work ORDER BY min(tree.number);

-- name: put_session
UPDATE project SET session = ?, last_change = ? WHERE work = ?;

-- name: put_paused
UPDATE project SET paused = ? WHERE work = ?;

-- name: put_title
UPDATE project SET title = ? WHERE work = ?;

-- name: move_project
UPDATE project SET folder = ? WHERE work = ?;

-- name: seen_files
SELECT path, kind, bytes, mtime_ns, digest FROM seen WHERE work = ?;

-- name: seen_saved
SELECT saved FROM seen WHERE work = ? AND path = ?;

-- name: count_saved
SELECT count(*) FROM seen WHERE work = ? AND saved IS NOT NULL;

-- name: forget_saved
UPDATE seen SET saved = NULL WHERE work = ?;

-- name: forget_saved_of
UPDATE seen SET saved = NULL WHERE work = ? AND path = ?;

-- name: put_seen
INSERT INTO seen (work, path, kind, bytes, mtime_ns, digest, saved) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (work, path) DO UPDATE SET kind = excluded.kind, bytes = excluded.bytes,
mtime_ns = excluded.mtime_ns, digest = excluded.digest, saved = excluded.saved;

-- name: drop_seen
DELETE FROM seen WHERE work = ? AND path = ?;

-- name: undo_logs
SELECT path, bytes, mtime_ns, digest FROM undo_log WHERE work = ?;

-- name: put_undo_log
INSERT INTO undo_log (work, path, bytes, mtime_ns, digest) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (work, path) DO UPDATE SET bytes = excluded.bytes, mtime_ns = excluded.mtime_ns,
digest = excluded.digest;

-- name: undo_entry
SELECT 1 FROM undo_entry WHERE work = ? AND entry = ?;

-- name: add_undo_entry
INSERT INTO undo_entry (work, entry) VALUES (?, ?);

-- name: forget_undo_entries
DELETE FROM undo_entry WHERE work = ?;

-- name: forget_undo_logs
UPDATE undo_log SET digest = zeroblob(32) WHERE work = ?;

-- name: add_anchor
INSERT INTO anchor
(log, size, root, chain, contract, publisher, prior, state, raw, tx, intent, made)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: anchor
SELECT number, log, size, root, chain, contract, publisher, prior, state, raw, tx,
block_number, block_hash, block_time, parent_hash, evidence, made FROM anchor WHERE number = ?;

-- name: anchors
SELECT number, log, size, root, chain, contract, publisher, prior, state, raw, tx,
block_number, block_hash, block_time, parent_hash, evidence, made FROM anchor
WHERE log = ? ORDER BY number;

-- name: anchor_intent
SELECT intent FROM anchor WHERE number = ?;

-- name: put_anchor_state
UPDATE anchor SET state = ? WHERE number = ?;

-- name: put_anchor_tx
UPDATE anchor SET tx = ? WHERE number = ?;

-- name: put_anchor_block
UPDATE anchor SET state = ?, block_number = ?, block_hash = ?, block_time = ?, parent_hash = ?,
evidence = ? WHERE number = ?;

-- name: pin_of_digest
SELECT cid, encrypted FROM pin WHERE digest = ? ORDER BY made DESC LIMIT 1;

-- name: put_pin
INSERT INTO pin (cid, work, path, profile, home, encrypted, plain_cid, digest, release, made)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (cid) DO UPDATE SET home = excluded.home, made = excluded.made;

-- name: pins
SELECT cid, work, path, profile, home, encrypted, plain_cid, digest, release, made FROM pin
ORDER BY made, path;

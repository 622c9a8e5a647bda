-- name: head
SELECT ticket, body, state, asks, tries, batch, code, reason FROM head WHERE ticket = ?;

-- name: add_head
INSERT INTO head (ticket, body, publisher, origin, deadline, received, asks, state)
VALUES (?, ?, ?, ?, ?, ?, ?, 'queued');

-- name: live_of_slot
SELECT ticket, body, state FROM head
WHERE publisher = ? AND origin = ? AND state IN ('queued', 'sent');

-- name: count_of_publisher
SELECT count(*) FROM head
WHERE publisher = ? AND received > ? AND (state <> 'refused' OR batch IS NOT NULL OR code = 'replaced');

-- name: turned_wallet
SELECT count(*), coalesce(max(received), 0) FROM head WHERE publisher = ? AND asks = 1
AND state = 'refused' AND code = 'not_signed' AND batch IS NOT NULL;

-- name: refuse_wallet
UPDATE head SET state = 'refused', code = ?, reason = ?
WHERE publisher = ? AND asks = 1 AND state = 'queued';

-- name: count_queued
SELECT count(*) FROM head WHERE state = 'queued';

-- name: queued
SELECT ticket, body, state, asks, tries, batch, code, reason FROM (
    SELECT * FROM (SELECT * FROM head WHERE state = 'queued' AND asks = 0 ORDER BY number LIMIT ?1)
    UNION ALL
    -- One of each wallet: what it did with that is known before the next one is paid for.
    SELECT * FROM (SELECT * FROM head WHERE number IN (
        SELECT min(number) FROM head WHERE state = 'queued' AND asks = 1 GROUP BY publisher
    ) ORDER BY number LIMIT ?2)
) ORDER BY number;

-- name: oldest_queued
SELECT min(received), count(*) FROM head WHERE state = 'queued';

-- name: refuse_late
UPDATE head SET state = 'refused', code = 'too_late', reason = ?
WHERE state = 'queued' AND deadline < ?;

-- name: refuse
UPDATE head SET state = 'refused', code = ?, reason = ? WHERE ticket = ?;

-- name: put_sent
UPDATE head SET state = 'sent', batch = ?, place = ? WHERE ticket = ?;

-- name: put_back
UPDATE head SET state = 'queued', code = NULL, reason = NULL, batch = NULL, place = NULL,
tries = tries + 1 WHERE batch = ?;

-- name: heads_of_batch
SELECT ticket, body, state, asks, tries, batch, code, reason FROM head
WHERE batch = ? ORDER BY place;

-- name: reset_heads
UPDATE head SET state = 'sent', code = NULL, reason = NULL WHERE batch = ?;

-- name: mine_heads
UPDATE head SET state = 'mined', code = NULL, reason = NULL WHERE batch = ?;

-- name: add_batch
INSERT INTO batch (state, made, cost) VALUES ('stored', ?, ?);

-- name: add_sending
INSERT INTO sending (tx, batch, raw, made) VALUES (?, ?, ?, ?);

-- name: put_cost
UPDATE batch SET cost = ? WHERE number = ?;

-- name: open_batches
SELECT number, state, made, tx, block_number, block_hash FROM batch
WHERE state IN ('stored', 'mined') ORDER BY number;

-- name: batch
SELECT number, state, made, tx, block_number, block_hash FROM batch WHERE number = ?;

-- name: sendings
SELECT tx, raw, made FROM sending WHERE batch = ? ORDER BY number DESC;

-- name: put_mined
UPDATE batch SET state = 'mined', tx = ?, block_number = ?, block_hash = ?, spent = ?,
made = max(made, ?) WHERE number = ?;

-- name: put_unmined
UPDATE batch SET state = 'stored', tx = NULL, block_number = NULL, block_hash = NULL, spent = NULL
WHERE number = ?;

-- name: put_final
UPDATE batch SET state = 'final' WHERE number = ?;

-- name: put_failed
UPDATE batch SET state = 'failed', tx = NULL, block_number = NULL, block_hash = NULL, spent = ?,
made = max(made, ?) WHERE number = ?;

-- name: costs_since
SELECT coalesce(spent, cost) FROM batch WHERE (made > ?1 OR state = 'stored') AND number <> ?2;

-- name: prune_heads
DELETE FROM head WHERE received < ? AND (
(state = 'refused' AND batch IS NULL)
OR batch IN (SELECT number FROM batch WHERE state IN ('final', 'failed')));

-- name: prune_sendings
DELETE FROM sending WHERE batch IN (SELECT number FROM batch
WHERE state IN ('final', 'failed') AND made < ?
AND NOT EXISTS (SELECT 1 FROM head WHERE head.batch = batch.number));

-- name: prune_batches
DELETE FROM batch WHERE state IN ('final', 'failed') AND made < ?
AND NOT EXISTS (SELECT 1 FROM head WHERE head.batch = batch.number);

-- name: next
SELECT coalesce(max(number), 0) + 1 FROM kept;

-- name: add
INSERT INTO kept
(number, work, digest, kind, bytes, made, is_unpacked, recipient, base, depth, chain, sealed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: place
SELECT number, depth, chain, is_unpacked, recipient FROM kept WHERE work = ? AND digest = ?;

-- name: sealed
SELECT base, digest, sealed FROM kept WHERE number = ?;

-- name: resting_on
SELECT number FROM kept WHERE base = ? ORDER BY number;

-- name: count_after
WITH RECURSIVE later (number) AS (
    SELECT number FROM kept WHERE base = ?
    UNION ALL SELECT kept.number FROM kept JOIN later ON kept.base = later.number)
SELECT count(*) FROM later;

-- name: stand_alone
UPDATE kept SET base = NULL, depth = 0, chain = number, sealed = ?, recipient = ?
WHERE number = ?;

-- name: rechain
WITH RECURSIVE later (number, depth) AS (
    SELECT number, 0 FROM kept WHERE number = ?1
    UNION ALL
    SELECT kept.number, later.depth + 1 FROM kept JOIN later ON kept.base = later.number)
UPDATE kept SET chain = ?1, depth = later.depth FROM later WHERE kept.number = later.number;

-- name: drop_with_later
WITH RECURSIVE later (number) AS (
    SELECT ?1
    UNION ALL SELECT kept.number FROM kept JOIN later ON kept.base = later.number)
DELETE FROM kept WHERE number IN (SELECT number FROM later);

-- name: drop_work
DELETE FROM kept WHERE work = ?;

-- name: drop_chain
DELETE FROM kept WHERE chain = ?;

-- name: chains_before
SELECT chain, count(*) FROM kept GROUP BY chain HAVING max(made) < ? ORDER BY max(made);

-- name: chains
SELECT chain, count(*), sum(length(sealed)) FROM kept GROUP BY chain ORDER BY max(made), chain;

-- name: sizes
SELECT work, kind, count(*), sum(bytes), sum(length(sealed)), min(made), max(made)
FROM kept GROUP BY work, kind ORDER BY work, kind;

-- name: stored
SELECT coalesce(sum(length(sealed)), 0) FROM kept;

-- name: files
SELECT digest, kind, bytes, made, length(sealed) FROM kept WHERE work = ? ORDER BY number;

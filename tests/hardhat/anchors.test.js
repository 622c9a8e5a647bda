// The witness on Hardhat's own chain: growth only, compare-and-swap, nobody writes another's head.
'use strict';
const assert = require('node:assert/strict');
const { hashWords, logs, named, openWitness, refusal, signed } = require('./witness.js');

const ROOT = named('root');
const END = 2n ** 40n - 1n;
const sizeOf = (head) => head >> 216n;

describe('Anchors', () => {
  let witness;
  let count = 0;
  const fresh = () => named(`log ${count++}`);

  before(async () => {
    witness = await openWitness();
  });

  const anchored = async (origin, size, from = witness.accounts[0]) => {
    const prior = await witness.headOf(from, origin);
    const receipt = await witness.send('anchor', [origin, prior, size, ROOT], from);
    assert.equal(receipt.status, '0x1');
    return witness.headOf(from, origin);
  };

  it('grows, and only grows', async () => {
    const origin = fresh();
    const first = await anchored(origin, 5);
    assert.equal(sizeOf(first), 5n);
    const second = await anchored(origin, 6);
    assert.equal(sizeOf(second), 6n);
    for (const size of [6, 5, 1, 0]) {
      assert.equal(await refusal(witness, 'anchor', [origin, second, size, ROOT]), 'NoGrowth');
    }
    assert.equal(await witness.headOf(witness.accounts[0], origin), second);
  });

  it('takes no step beyond the cap on growth', async () => {
    const origin = fresh();
    const most = 2 ** 24;
    assert.equal(await refusal(witness, 'anchor', [origin, 0n, most + 1, ROOT]), 'TooMuchGrowth');
    assert.equal(sizeOf(await anchored(origin, most)), BigInt(most));
  });

  it('is a compare-and-swap: only the stored head is built on', async () => {
    const origin = fresh();
    const first = await anchored(origin, 5);
    const second = await anchored(origin, 9);
    for (const stale of [0n, first, second + 1n, second ^ (1n << 216n)]) {
      assert.equal(await refusal(witness, 'anchor', [origin, stale, 20, ROOT]), 'NotTheHead');
    }
  });

  it('accumulates size, root, block, time and the hash before', async () => {
    const origin = fresh();
    const head = await anchored(origin, 7);
    const block = await witness.rpc('eth_getBlockByNumber', ['latest', false]);
    const words = [0n, 7n, BigInt(ROOT), BigInt(block.number), BigInt(block.timestamp), BigInt(block.parentHash)];
    const accumulator = BigInt(hashWords(words)) & ((1n << 216n) - 1n);
    assert.equal(head, (7n << 216n) | accumulator);
  });

  it("keeps each publisher's slot its own", async () => {
    const origin = fresh();
    const [artist, thief] = witness.accounts;
    const head = await anchored(origin, 5, artist);
    await anchored(origin, 4000, thief);
    assert.equal(await witness.headOf(artist, origin), head);
    const item = { publisher: artist, origin, prior: head, size: 4000, root: ROOT };
    const forged = await signed(witness, witness.accounts[7], item);
    assert.equal(await refusal(witness, 'anchorFor', [forged], thief), 'NotSigned');
    assert.equal(
      await refusal(witness, 'anchorAs', [artist, [origin, head, 4000, ROOT]], thief),
      'NotSigned',
    );
    await witness.send('revoke', [origin], thief);
    assert.equal(await witness.headOf(artist, origin), head);
  });

  it('ends a revoked log for ever, and keeps what was anchored', async () => {
    const origin = fresh();
    const head = await anchored(origin, 5);
    await witness.send('revoke', [origin]);
    const ended = await witness.headOf(witness.accounts[0], origin);
    assert.equal(sizeOf(ended), END);
    assert.equal(ended & ((1n << 216n) - 1n), head & ((1n << 216n) - 1n));
    for (const prior of [head, ended, 0n]) {
      assert.match(
        await refusal(witness, 'anchor', [origin, prior, 100, ROOT]),
        /^(NotTheHead|NoGrowth)$/,
      );
    }
  });

  it('leaves out each bad one of many signed heads, alone, and says why', async () => {
    const artists = witness.accounts.slice(10, 16);
    const origin = fresh();
    const items = [];
    for (const artist of artists) {
      items.push(await signed(witness, artist, { origin, prior: 0n, size: 3, root: ROOT }));
    }
    items[1][3] = `0x${'00'.repeat(65)}`; // nobody's signature
    items[2] = await signed(witness, artists[2], { origin, prior: 1n, size: 3, root: ROOT });
    items[3] = await signed(witness, artists[3], { origin, prior: 0n, size: 0, root: ROOT });
    items[4] = await signed(witness, artists[4], { origin, prior: 0n, size: 3, root: ROOT, deadline: 1n });
    const receipt = await witness.send('anchorManyFor', [items]);
    assert.equal(receipt.status, '0x1');
    const { Anchored: taken, Refused: left } = logs(witness, receipt);
    assert.deepEqual(taken.map((log) => log.publisher), [artists[0], artists[5]]);
    assert.deepEqual(left.map((log) => [log.publisher, log.outcome]), [
      [artists[1], 5n],
      [artists[2], 1n],
      [artists[3], 2n],
      [artists[4], 4n],
    ]);
  });

  it('takes a signature once', async () => {
    const item = await signed(witness, witness.accounts[3], { origin: fresh(), prior: 0n, size: 3, root: ROOT });
    assert.equal((await witness.send('anchorFor', [item])).status, '0x1');
    assert.equal(await refusal(witness, 'anchorFor', [item]), 'NotTheHead');
  });

  it('takes no coins', async () => {
    const call = { from: witness.accounts[0], to: witness.address, value: '0x1', data: '0x' };
    await assert.rejects(witness.rpc('eth_call', [call, 'latest']));
  });
});

// Writes the importer vectors: CIDs by an implementation that is not ours.
//
//   in an empty folder:  npm install ipfs-unixfs-importer@17.1.1 blockstore-core
//   then from there:     node make.mjs OUTPUT-FOLDER      (a copy of this file)
//
// Content of N bytes with seed S: SHA-256(S || u64be(0)) || SHA-256(S || u64be(1)) || …, cut at N.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { BlackHoleBlockstore } from 'blockstore-core'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'

const KiB = 1024
const PROFILES = {
  'unixfs-v1-2025': { chunk: 1024 * KiB, width: 1024, rawLeaves: true, cidVersion: 1 },
  'unixfs-v0-2015': { chunk: 256 * KiB, width: 174, rawLeaves: false, cidVersion: 0 },
  'kubo-v1-legacy': { chunk: 256 * KiB, width: 174, rawLeaves: true, cidVersion: 1 },
  // Not profiles that anybody uses: small ones, to meet every depth with little data.
  'tiny-raw-3': { chunk: 16, width: 3, rawLeaves: true, cidVersion: 1 },
  'tiny-pb-3': { chunk: 16, width: 3, rawLeaves: false, cidVersion: 0 },
  'tiny-pb-v1-2': { chunk: 5, width: 2, rawLeaves: false, cidVersion: 1 },
  'tiny-raw-174': { chunk: 7, width: 174, rawLeaves: true, cidVersion: 1 },
}

function * stream (seed, size) {
  const prefix = Buffer.from(seed, 'utf8')
  let parts = []
  let held = 0
  for (let i = 0n, left = size; left > 0; i++) {
    const counter = Buffer.alloc(8)
    counter.writeBigUInt64BE(i)
    const digest = createHash('sha256').update(prefix).update(counter).digest()
    parts.push(digest.subarray(0, Math.min(32, left)))
    held += Math.min(32, left)
    left -= 32
    if (held >= 64 * KiB) { yield Buffer.concat(parts); parts = []; held = 0 }
  }
  yield Buffer.concat(parts)
}

function options ({ chunk, width, rawLeaves, cidVersion }) {
  return {
    rawLeaves,
    cidVersion,
    leafType: rawLeaves ? 'raw' : 'file',
    reduceSingleLeafToSelf: true,
    chunker: fixedSize({ chunkSize: chunk }),
    layout: balanced({ maxChildrenPerNode: width }),
    wrapWithDirectory: false
  }
}

async function add (entries, profile) {
  let last
  for await (const entry of importer(entries, new BlackHoleBlockstore(), options(profile))) last = entry
  return last.cid.toString()
}

function sizes ({ chunk, width }) {
  const around = new Set([0, 1, 2, 31, 32, 33])
  const edges = [chunk, 2 * chunk]
  if (chunk * width <= 50 * 1024 * KiB) edges.push(chunk * width, chunk * (width + 1))
  if (chunk * width * width <= 1024 * KiB) edges.push(chunk * width ** 2, chunk * width ** 2 * 2, chunk * width ** 3)
  for (const edge of edges) for (const d of [-1, 0, 1]) around.add(edge + d)
  return [...around].filter(n => n >= 0 && n / chunk <= 65536).sort((a, b) => a - b)
}

const TREE = [['drums.wav', 40], ['bass.wav', 0], ['vox/lead.wav', 100], ['vox/double.wav', 17], ['vox/ö.wav', 3], ['Zed.txt', 33], ['a', 1], ['a-b', 2], ['a.b', 3]]
const out = process.argv[2]
for (const [name, profile] of Object.entries(PROFILES)) {
  const files = []
  for (const size of sizes(profile)) {
    const cid = await add([{ path: 'x', content: stream(name, size) }], profile)
    files.push({ size, cid })
  }
  const entries = TREE.map(([path, size]) => ({ path: `root/${path}`, content: stream(path, size) }))
  const tree = await add(entries, profile)
  const document = {
    source: 'ipfs-unixfs-importer 17.1.1 (JavaScript), by make.mjs',
    profile: { name, chunk_bytes: profile.chunk, width: profile.width, raw_leaves: profile.rawLeaves, version: profile.cidVersion },
    seed: name,
    files,
    tree: { seed: 'the path', entries: Object.fromEntries(TREE), cid: tree }
  }
  writeFileSync(`${out}/importer-${name}.json`, JSON.stringify(document, null, 1) + '\n')
  console.log(name, files.length, tree)
}

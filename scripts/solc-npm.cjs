#!/usr/bin/env node
// A `solc` executable made from the npm package `solc` (WebAssembly), for machines where the
// compiler cannot be downloaded. It speaks what py-solc-x needs and nothing else:
// `--version`, and `--standard-json` from standard input to standard output.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

const EXIT_USAGE = 2;
const flags = process.argv.slice(2);

function loadCompiler() {
  try {
    return require(require.resolve('solc', { paths: [path.join(__dirname, '..'), process.cwd()] }));
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    process.stderr.write('solc-npm: the npm package solc is not installed: run npm ci\n');
    process.exit(EXIT_USAGE);
  }
}

if (flags.includes('--version')) {
  const version = loadCompiler().version();
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (flags.includes('--standard-json')) {
  process.stdout.write(loadCompiler().compile(fs.readFileSync(0, 'utf8')));
} else {
  process.stderr.write('solc-npm: only --version and --standard-json\n');
  process.exit(EXIT_USAGE);
}

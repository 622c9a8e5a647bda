// Hardhat compiles the contracts a second time, apart from py-solc-x: the bytecode must be equal.
// The compiler comes from the npm package `solc`, so nothing is downloaded.
'use strict';
const path = require('node:path');
const { subtask } = require('hardhat/config');
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require('hardhat/builtin-tasks/task-names');
const solc = require('solc/package.json');

// Where a test wants the output apart from a developer's own.
const out = process.env.HARDHAT_OUT || __dirname;
const settings = require('./contracts/settings.json');

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD).setAction(async ({ solcVersion }, _hre, runSuper) => {
  if (solcVersion !== solc.version) return runSuper();
  return {
    compilerPath: require.resolve('solc/soljson.js'),
    isSolcJs: true,
    version: solcVersion,
    longVersion: require('solc').version(),
  };
});

// What became of each test, for a program to read: pytest tells them by name.
const report = process.env.HARDHAT_REPORT;

module.exports = {
  networks: { hardhat: { hardfork: 'osaka' } },
  mocha: report ? { reporter: 'json', reporterOptions: { output: report } } : {},
  solidity: { version: solc.version, settings },
  paths: {
    sources: './contracts',
    tests: './tests/hardhat',
    artifacts: path.join(out, 'artifacts'),
    cache: path.join(out, 'cache'),
  },
};

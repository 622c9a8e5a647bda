// The witness as Hardhat sees it: compiled by hardhat.config.js, on Hardhat's own chain.
'use strict';
const { Interface } = require('@ethersproject/abi');
const { keccak256 } = require('@ethersproject/keccak256');
const hre = require('hardhat');

const rpc = (method, params = []) => hre.network.provider.request({ method, params });
const hex = (value) => `0x${BigInt(value).toString(16)}`;
/** A log's name, or a root. */
const named = (text) => keccak256(Buffer.from(text));
/** The hash of whole words. */
const hashWords = (words) =>
  keccak256(`0x${words.map((word) => BigInt(word).toString(16).padStart(64, '0')).join('')}`);

const TYPES = {
  EIP712Domain: [
    { name: 'name', type: 'string' },
    { name: 'version', type: 'string' },
    { name: 'chainId', type: 'uint256' },
    { name: 'verifyingContract', type: 'address' },
  ],
  Anchor: [
    { name: 'publisher', type: 'address' },
    { name: 'origin', type: 'bytes32' },
    { name: 'prior', type: 'uint256' },
    { name: 'size', type: 'uint40' },
    { name: 'root', type: 'bytes32' },
    { name: 'deadline', type: 'uint256' },
  ],
};

/** Deploy a contract and open it. */
async function openWitness(name = 'Anchors') {
  const { abi, bytecode } = await hre.artifacts.readArtifact(name);
  const accounts = await rpc('eth_accounts');
  const sent = await rpc('eth_sendTransaction', [{ from: accounts[0], data: bytecode }]);
  const receipt = await rpc('eth_getTransactionReceipt', [sent]);
  const address = receipt.contractAddress;
  const face = new Interface(abi);
  const call = async (method, values, from = accounts[0]) =>
    rpc('eth_call', [{ from, to: address, data: face.encodeFunctionData(method, values) }, 'latest']);
  return {
    accounts,
    address,
    face,
    rpc,
    call,
    /** Send a call and give its receipt. */
    async send(method, values, from = accounts[0]) {
      const data = face.encodeFunctionData(method, values);
      const hash = await rpc('eth_sendTransaction', [{ from, to: address, data, gas: hex(16_000_000) }]);
      return rpc('eth_getTransactionReceipt', [hash]);
    },
    async headOf(publisher, origin) {
      return BigInt(await call('headOf', [publisher, origin]));
    },
  };
}

/** Name the error with which a call is refused. */
async function refusal(witness, method, values, from) {
  try {
    await witness.call(method, values, from);
  } catch (error) {
    const data = error.data?.data ?? error.data;
    return witness.face.getError(String(data).slice(0, 10)).name;
  }
  throw new Error(`${method} was not refused`);
}

/** Have an account of the chain sign a head: what anchorFor takes. */
async function signed(witness, signer, head) {
  const { publisher = signer, origin, prior, size, root, deadline = 2n ** 40n } = head;
  const typed = {
    domain: {
      name: 'stemproof Anchors',
      version: '1',
      chainId: Number(await rpc('eth_chainId')),
      verifyingContract: witness.address,
    },
    primaryType: 'Anchor',
    types: TYPES,
    message: { publisher, origin, prior: hex(prior), size, root, deadline: hex(deadline) },
  };
  const signature = await rpc('eth_signTypedData_v4', [signer, typed]);
  return [publisher, [origin, prior, size, root], deadline, signature];
}

/** Read a receipt's events, by name. */
function logs(witness, receipt) {
  const found = { Anchored: [], Refused: [] };
  for (const log of receipt.logs) {
    const { name, args } = witness.face.parseLog(log);
    const publisher = args.publisher.toLowerCase();
    (found[name] ??= []).push({ publisher, outcome: args.outcome && BigInt(args.outcome) });
  }
  return found;
}

module.exports = { hashWords, logs, named, openWitness, refusal, rpc, signed };

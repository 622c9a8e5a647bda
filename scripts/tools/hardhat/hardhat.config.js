// A chain of the coming fork, for figures: node_modules/.bin/hardhat node
export default {
  networks: {
    node: { type: 'edr-simulated', chainType: 'l1', hardfork: 'amsterdam', chainId: 31337 },
  },
};

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Proofs about logs, as RFC 6962 and RFC 9162 have them
/// @notice Lets another contract build on a log: that an entry is in it, and that it only grew.
/// A root is worth what it was taken from: compare it with a checkpoint whose anchor you trust.
/// @dev SHA-256 by the precompile. Proofs are read from calldata and never copied. Nothing reverts:
/// what does not prove is `false`, so that a caller can say why it refuses.
library Inclusion {
    /// @dev Sizes and indices are below 2^64, as in the RFCs' own structures.
    uint256 private constant SIZE_LIMIT = 2 ** 64;

    /// @notice The hash of an entry as a leaf (RFC 9162, section 2.1.1).
    function leafHash(bytes memory entry) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(0), entry));
    }

    /// @notice The hash of two subtrees (RFC 9162, section 2.1.1).
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(1), left, right));
    }

    /// @notice Tells whether `leaf` stands at `index` of the tree of `size` entries under `root`
    /// (RFC 9162, section 2.1.3.2).
    /// @param leaf the entry's leaf hash
    /// @param index from 0
    /// @param size number of entries in the tree
    /// @param proof siblings, from the leaf upwards
    /// @param root the tree's root hash
    function isIncluded(
        bytes32 leaf,
        uint256 index,
        uint256 size,
        bytes32[] calldata proof,
        bytes32 root
    ) internal pure returns (bool) {
        if (index >= size || size >= SIZE_LIMIT) return false;
        (uint256 node, uint256 last) = (index, size - 1);
        bytes32 hash = leaf;
        for (uint256 i = 0; i < proof.length; ++i) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                hash = nodeHash(proof[i], hash);
                (node, last) = _climb(node, last);
            } else {
                hash = nodeHash(hash, proof[i]);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && hash == root;
    }

    /// @notice Tells whether the tree of `size` entries under `root` begins with the `priorSize`
    /// entries under `priorRoot` (RFC 9162, section 2.1.4.2).
    /// @dev A tree of no entries is refused: it has a root, but says nothing.
    function isConsistent(
        uint256 priorSize,
        bytes32 priorRoot,
        uint256 size,
        bytes32 root,
        bytes32[] calldata proof
    ) internal pure returns (bool) {
        if (priorSize == 0 || priorSize > size || size >= SIZE_LIMIT) return false;
        if (priorSize == size) return proof.length == 0 && priorRoot == root;
        if (proof.length == 0) return false;
        (uint256 node, uint256 last) = (priorSize - 1, size - 1);
        while (node & 1 == 1) (node, last) = (node >> 1, last >> 1);
        // Where the first tree is complete its root begins the proof without being sent.
        bool complete = priorSize & (priorSize - 1) == 0;
        (bytes32 before, bytes32 now_) = complete ? (priorRoot, priorRoot) : (proof[0], proof[0]);
        for (uint256 i = complete ? 0 : 1; i < proof.length; ++i) {
            if (last == 0) return false;
            if (node & 1 == 1 || node == last) {
                before = nodeHash(proof[i], before);
                now_ = nodeHash(proof[i], now_);
                (node, last) = _climb(node, last);
            } else {
                now_ = nodeHash(now_, proof[i]);
            }
            (node, last) = (node >> 1, last >> 1);
        }
        return last == 0 && before == priorRoot && now_ == root;
    }

    /// @dev Skips the levels at which a last, unpaired subtree has no sibling.
    function _climb(uint256 node, uint256 last) private pure returns (uint256, uint256) {
        while (node & 1 == 0 && node != 0) (node, last) = (node >> 1, last >> 1);
        return (node, last);
    }
}

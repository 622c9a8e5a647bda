// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILogProofs} from "./ILogProofs.sol";
import {Inclusion} from "./Inclusion.sol";

/// @title The library Inclusion at an address
contract LogProofs is ILogProofs {
    /// @inheritdoc ILogProofs
    function leafHash(bytes calldata entry) external pure returns (bytes32) {
        return Inclusion.leafHash(entry);
    }

    /// @inheritdoc ILogProofs
    function isIncluded(
        bytes32 leaf,
        uint256 index,
        uint256 size,
        bytes32[] calldata proof,
        bytes32 root
    ) external pure returns (bool) {
        return Inclusion.isIncluded(leaf, index, size, proof, root);
    }

    /// @inheritdoc ILogProofs
    function isConsistent(
        uint256 priorSize,
        bytes32 priorRoot,
        uint256 size,
        bytes32 root,
        bytes32[] calldata proof
    ) external pure returns (bool) {
        return Inclusion.isConsistent(priorSize, priorRoot, size, root, proof);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Proofs about logs, for whoever would call rather than compile them in
/// @notice Every function is pure: asking by `eth_call` costs nothing.
interface ILogProofs {
    /// @notice The hash of an entry as a leaf (RFC 9162, section 2.1.1).
    function leafHash(bytes calldata entry) external pure returns (bytes32);

    /// @notice Tells whether `leaf` stands at `index` of the tree of `size` entries under `root`
    /// (RFC 9162, section 2.1.3.2).
    function isIncluded(
        bytes32 leaf,
        uint256 index,
        uint256 size,
        bytes32[] calldata proof,
        bytes32 root
    ) external pure returns (bool);

    /// @notice Tells whether the tree of `size` entries under `root` begins with the `priorSize`
    /// entries under `priorRoot` (RFC 9162, section 2.1.4.2).
    function isConsistent(
        uint256 priorSize,
        bytes32 priorRoot,
        uint256 size,
        bytes32 root,
        bytes32[] calldata proof
    ) external pure returns (bool);
}

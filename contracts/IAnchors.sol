// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A witness of append-only logs
/// @notice Keeps one word for each (publisher, origin), overwritten by every anchor: the log's size
/// and an accumulator over all its anchors. Whoever holds the events of one publisher and origin can
/// replay them to the word, and a proof of that one word then dates every one of them.
/// @dev A head is `uint40 size << 216 | uint216 acc`. Heads stand under `msg.sender`, so nobody can
/// take another's root first. There is no owner, no upgrade, no token and nothing to withdraw.
interface IAnchors {
    /// @notice `publisher` anchored the checkpoint (`size`, `root`) of `origin` on top of `prior`.
    /// @dev With the block's number, time and parent hash this is all that replays the accumulator.
    /// @param publisher the account that sent the transaction
    /// @param origin SHA-256 of the log's origin line
    /// @param size number of entries in the log
    /// @param root the checkpoint's root hash
    /// @param prior the head before this anchor; 0 at the first
    event Anchored(
        address indexed publisher,
        bytes32 indexed origin,
        uint40 size,
        bytes32 root,
        uint256 prior
    );

    /// @notice The caller built on a head that is not, or is no longer, the stored one.
    /// @param prior the head that the caller gave
    /// @param stored the head in storage
    error NotTheHead(uint256 prior, uint256 stored);

    /// @notice The new size is not larger than the size in the prior head.
    error NoGrowth(uint40 priorSize, uint40 size);

    /// @notice The log would grow by more than `MAX_GROWTH` entries in one anchor.
    error TooMuchGrowth(uint40 priorSize, uint40 size);

    /// @notice Moves the head of the caller's `origin` to (`size`, `root`): a compare-and-swap that
    /// accepts only growth.
    /// @dev acc' = low 216 bits of keccak256 over six 32-byte words:
    /// acc, size, root, block number, block time, hash of the previous block.
    /// @param origin SHA-256 of the log's origin line
    /// @param prior the head that the caller saw; 0 at the first anchor
    /// @param size number of entries in the log, larger than the size in `prior`
    /// @param root the checkpoint's root hash
    function anchor(bytes32 origin, uint256 prior, uint40 size, bytes32 root) external;

    /// @notice The head of `publisher`'s `origin`; 0 if it never anchored.
    function headOf(address publisher, bytes32 origin) external view returns (uint256 head);

    /// @notice The most entries that one anchor may add.
    function MAX_GROWTH() external view returns (uint40);
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A witness of append-only logs
/// @notice Keeps one word for each (publisher, origin), overwritten by every anchor: the log's size
/// and an accumulator over all its anchors. Whoever holds the events of one publisher and origin can
/// replay them to the word, and a proof of that one word then dates every one of them.
/// @dev A head is `uint40 size << 216 | uint216 acc`. Heads stand under the publisher, so nobody can
/// take another's root first. There is no owner, no upgrade, no token and nothing to withdraw.
/// How somebody else pays, or sends, is in IAnchorsFor.
interface IAnchors {
    /// @notice What became of one head.
    enum Outcome {
        Anchored,
        NotTheHead,
        NoGrowth,
        TooMuchGrowth,
        TooLate,
        NotSigned
    }

    /// @notice A checkpoint to be anchored.
    /// @param origin SHA-256 of the log's origin line
    /// @param prior the head that the caller saw; 0 at the first anchor
    /// @param size number of entries in the log, larger than the size in `prior`
    /// @param root the checkpoint's root hash
    struct Head {
        bytes32 origin;
        uint256 prior;
        uint40 size;
        bytes32 root;
    }

    /// @notice `publisher` anchored the checkpoint (`size`, `root`) of `origin` on top of `prior`.
    /// @dev With the block's number, time and parent hash this is all that replays the accumulator.
    event Anchored(
        address indexed publisher,
        bytes32 indexed origin,
        uint40 size,
        bytes32 root,
        uint256 prior
    );

    /// @notice One of several heads in a call was left out; the others stand.
    event Refused(address indexed publisher, bytes32 indexed origin, Outcome outcome);

    /// @notice `publisher` ended `origin` at the head `last`: nothing is anchored there any more.
    event Revoked(address indexed publisher, bytes32 indexed origin, uint256 last);

    /// @notice The caller built on a head that is not, or is no longer, the stored one.
    /// @param prior the head that the caller gave
    /// @param stored the head in storage
    error NotTheHead(uint256 prior, uint256 stored);

    /// @notice The new size is not larger than the size in the prior head.
    error NoGrowth(uint40 priorSize, uint40 size);

    /// @notice The log would grow by more than `MAX_GROWTH` entries in one anchor, or by more than
    /// its publisher allowed the key that anchors.
    error TooMuchGrowth(uint40 priorSize, uint40 size);

    /// @notice More than `MAX_HEADS` in one call.
    error TooManyHeads(uint256 count);

    /// @notice Moves the head of the caller's `origin` to (`size`, `root`): a compare-and-swap that
    /// accepts only growth.
    /// @dev acc' = low 216 bits of keccak256 over six 32-byte words:
    /// acc, size, root, block number, block time, hash of the previous block.
    function anchor(bytes32 origin, uint256 prior, uint40 size, bytes32 root) external;

    /// @notice Anchors many logs of the caller; each one that fails is left out alone.
    /// @return anchored how many were not
    function anchorMany(Head[] calldata list) external returns (uint256 anchored);

    /// @notice Ends the caller's `origin` for ever, at the head that is stored now: for a key that
    /// was taken. Anchors before it stand, none can follow.
    /// @dev The size in the word becomes 2^40 - 1, which nothing can grow beyond; the accumulator
    /// stays. So a proof of the word shows both what was anchored and that it ended.
    function revoke(bytes32 origin) external;

    /// @notice The head of `publisher`'s `origin`; 0 if it never anchored.
    function headOf(address publisher, bytes32 origin) external view returns (uint256 head);

    /// @notice The most entries that one anchor may add.
    function MAX_GROWTH() external view returns (uint40);

    /// @notice The most heads that one call takes.
    function MAX_HEADS() external view returns (uint256);
}

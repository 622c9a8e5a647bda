// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";

/// @title The heads, and what their publishers do with them
abstract contract Heads is IAnchors {
    /// @inheritdoc IAnchors
    /// @dev 2^24 is a year of two saves a second with none sealed between, so no honest log meets it.
    /// Without a limit one slip could put the size at 2^40 - 1, and the log could never grow again;
    /// with it that takes 65,536 anchors.
    uint40 public constant MAX_GROWTH = 2 ** 24;
    /// @inheritdoc IAnchors
    uint256 public constant MAX_HEADS = 500;

    uint256 private constant ACC_BITS = 216;

    /// @dev Slot 0. The head of (p, o) lies at keccak256(o . keccak256(p . 0)), each padded to a word.
    mapping(address publisher => mapping(bytes32 origin => uint256 head)) private heads;

    /// @inheritdoc IAnchors
    function anchor(bytes32 origin, uint256 prior, uint40 size, bytes32 root) external {
        Outcome outcome = _advance(msg.sender, origin, prior, size, root, MAX_GROWTH);
        if (outcome != Outcome.Anchored) _refuse(outcome, msg.sender, origin, prior, size);
    }

    /// @inheritdoc IAnchors
    function anchorMany(Head[] calldata list) external returns (uint256 anchored) {
        if (list.length > MAX_HEADS) revert TooManyHeads(list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            Head calldata head = list[i];
            Outcome outcome = _advance(
                msg.sender, head.origin, head.prior, head.size, head.root, MAX_GROWTH
            );
            if (outcome == Outcome.Anchored) ++anchored;
            else emit Refused(msg.sender, head.origin, outcome);
        }
    }

    /// @inheritdoc IAnchors
    function revoke(bytes32 origin) external {
        uint256 last = heads[msg.sender][origin];
        heads[msg.sender][origin] = last | (uint256(type(uint40).max) << ACC_BITS);
        emit Revoked(msg.sender, origin, last);
    }

    /// @inheritdoc IAnchors
    function headOf(address publisher, bytes32 origin) external view returns (uint256 head) {
        return heads[publisher][origin];
    }

    /// @dev The one place that writes a head forward; it reverts for nothing that an item can do.
    function _advance(
        address publisher,
        bytes32 origin,
        uint256 prior,
        uint40 size,
        bytes32 root,
        uint256 most
    ) internal returns (Outcome) {
        mapping(bytes32 origin => uint256 head) storage own = heads[publisher];
        if (own[origin] != prior) return Outcome.NotTheHead;
        uint256 priorSize = prior >> ACC_BITS;
        if (size <= priorSize) return Outcome.NoGrowth;
        if (size - priorSize > most) return Outcome.TooMuchGrowth;
        bytes32 mixed = keccak256(
            abi.encode(
                uint256(uint216(prior)),
                size,
                root,
                block.number,
                block.timestamp,
                blockhash(block.number - 1)
            )
        );
        own[origin] = (uint256(size) << ACC_BITS) | uint216(uint256(mixed));
        emit Anchored(publisher, origin, size, root, prior);
        return Outcome.Anchored;
    }

    /// @dev Says why a head that came alone is refused.
    function _refuse(
        Outcome outcome,
        address publisher,
        bytes32 origin,
        uint256 prior,
        uint40 size
    ) internal view {
        if (outcome == Outcome.NotTheHead) revert NotTheHead(prior, heads[publisher][origin]);
        uint40 priorSize = uint40(prior >> ACC_BITS);
        if (outcome == Outcome.NoGrowth) revert NoGrowth(priorSize, size);
        revert TooMuchGrowth(priorSize, size);
    }
}

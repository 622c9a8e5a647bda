// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";

/// @title The witness that IAnchors describes
contract Anchors is IAnchors {
    /// @inheritdoc IAnchors
    /// @dev 2^24 is a year of two saves a second with none sealed between, so no honest log meets it.
    /// Without a limit one slip could put the size at 2^40 - 1, and the log could never grow again;
    /// with it that takes 65,536 anchors.
    uint40 public constant MAX_GROWTH = 2 ** 24;

    uint256 private constant ACC_BITS = 216;

    /// @dev Slot 0. The head of (p, o) lies at keccak256(o . keccak256(p . 0)), each padded to a word.
    mapping(address publisher => mapping(bytes32 origin => uint256 head)) private heads;

    /// @inheritdoc IAnchors
    function anchor(bytes32 origin, uint256 prior, uint40 size, bytes32 root) external {
        uint256 stored = heads[msg.sender][origin];
        if (stored != prior) revert NotTheHead(prior, stored);
        uint40 priorSize = uint40(prior >> ACC_BITS);
        if (size <= priorSize) revert NoGrowth(priorSize, size);
        if (size - priorSize > MAX_GROWTH) revert TooMuchGrowth(priorSize, size);
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
        heads[msg.sender][origin] = (uint256(size) << ACC_BITS) | uint216(uint256(mixed));
        emit Anchored(msg.sender, origin, size, root, prior);
    }

    /// @inheritdoc IAnchors
    function headOf(address publisher, bytes32 origin) external view returns (uint256 head) {
        return heads[publisher][origin];
    }
}

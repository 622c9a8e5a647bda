// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Heads} from "./Heads.sol";
import {IAnchorsFor} from "./IAnchorsFor.sol";
import {Signatures} from "./Signatures.sol";

/// @title The witness that IAnchors and IAnchorsFor describe
contract Anchors is Heads, Signatures {
    uint256 private constant GROWTH_BITS = 40;

    /// @dev Slot 1, after the heads. An allowance is `uint64 until << 40 | uint40 mostGrowth`.
    mapping(address publisher => mapping(address key => uint256 allowance)) private allowances;

    /// @inheritdoc IAnchorsFor
    function anchorFor(SignedHead calldata item) external {
        Outcome outcome = _advanceFor(item, _domain());
        if (outcome == Outcome.TooLate) revert TooLate(item.deadline);
        if (outcome == Outcome.NotSigned) revert NotSigned(item.publisher);
        if (outcome != Outcome.Anchored) {
            _refuse(outcome, item.publisher, item.head.origin, item.head.prior, item.head.size);
        }
    }

    /// @inheritdoc IAnchorsFor
    function anchorManyFor(SignedHead[] calldata list) external returns (uint256 anchored) {
        if (list.length > MAX_HEADS) revert TooManyHeads(list.length);
        bytes32 domain = _domain();
        for (uint256 i = 0; i < list.length; ++i) {
            SignedHead calldata item = list[i];
            Outcome outcome = _advanceFor(item, domain);
            if (outcome == Outcome.Anchored) ++anchored;
            else emit Refused(item.publisher, item.head.origin, outcome);
        }
    }

    /// @inheritdoc IAnchorsFor
    function anchorAs(address publisher, Head calldata head) external {
        uint256 most = allowanceOf(publisher, msg.sender);
        if (most == 0) revert NotSigned(publisher);
        Outcome outcome = _advance(publisher, head.origin, head.prior, head.size, head.root, most);
        if (outcome != Outcome.Anchored) {
            _refuse(outcome, publisher, head.origin, head.prior, head.size);
        }
    }

    /// @inheritdoc IAnchorsFor
    function allow(address key, uint64 until, uint40 mostGrowth) external {
        if (mostGrowth > MAX_GROWTH) revert TooMuchGrowth(0, mostGrowth);
        allowances[msg.sender][key] = (uint256(until) << GROWTH_BITS) | mostGrowth;
        emit Allowed(msg.sender, key, until, mostGrowth);
    }

    /// @inheritdoc IAnchorsFor
    function allowanceOf(address publisher, address key) public view returns (uint40 mostGrowth) {
        uint256 allowance = allowances[publisher][key];
        return block.timestamp <= allowance >> GROWTH_BITS ? uint40(allowance) : 0;
    }

    function _advanceFor(SignedHead calldata item, bytes32 domain) private returns (Outcome) {
        if (block.timestamp > item.deadline) return Outcome.TooLate;
        address publisher = item.publisher;
        bytes32 digest = _digest(item, domain);
        bytes calldata signature = item.signature;
        address signer = _recover(digest, signature);
        uint256 most = MAX_GROWTH;
        if (signer != publisher || signer == address(0)) {
            most = signer == address(0) ? 0 : allowanceOf(publisher, signer);
            if (most == 0 && _takes(publisher, digest, signature)) most = MAX_GROWTH;
            if (most == 0) return Outcome.NotSigned;
        }
        Head calldata head = item.head;
        return _advance(publisher, head.origin, head.prior, head.size, head.root, most);
    }
}

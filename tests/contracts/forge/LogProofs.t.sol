// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILogProofs} from "../../../contracts/ILogProofs.sol";
import {Shipped} from "./Shipped.sol";

/// Proofs made by the recursive definitions of RFC 6962, section 2.1, and shipped code that checks
/// them by its own loop.
contract LogProofsTest is Shipped {
    uint256 private constant LARGEST = 70;
    ILogProofs private proofs;

    function setUp() external {
        proofs = ILogProofs(deployShipped("LogProofs"));
    }

    function testFuzz_everyLeafIsProved(uint256 size, uint256 index, bytes32 salt) external view {
        (size, index) = _bound(size, index);
        bytes32[] memory leaves = _leaves(size, salt);
        bytes32 root = _root(leaves, 0, size);
        bytes32[] memory proof = _path(leaves, 0, size, index);
        require(proofs.isIncluded(leaves[index], index, size, proof, root), "a leaf was refused");
    }

    function testFuzz_noOtherLeafIsProved(
        uint256 size,
        uint256 index,
        bytes32 salt,
        uint256 how
    ) external view {
        (size, index) = _bound(size, index);
        bytes32[] memory leaves = _leaves(size, salt);
        bytes32 root = _root(leaves, 0, size);
        bytes32[] memory proof = _path(leaves, 0, size, index);
        bytes32 leaf = leaves[index];
        uint256 wrong = index;
        uint256 kind = how % 6;
        bytes32 flip = bytes32(uint256(1) << (how >> 8) % 256);
        if (kind == 0) leaf ^= flip;
        if (kind == 1) root ^= flip;
        if (kind == 2) wrong = how >> 8;
        if (kind == 3) proof = _longer(proof, salt);
        if (kind == 4 && proof.length > 0) proof = _shorter(proof);
        if (kind == 5 && proof.length > 0) proof[(how >> 16) % proof.length] ^= flip;
        // A tree of one entry has an empty proof, which nothing can be taken from.
        if (kind > 3 && size == 1 || wrong == index && kind == 2) return;
        require(!proofs.isIncluded(leaf, wrong, size, proof, root), "a wrong leaf was proved");
    }

    /// The root is that of the same tree, seen from one level up or more.
    function testFuzz_aNodeIsNoLeaf(
        uint256 size,
        uint256 index,
        bytes32 salt,
        uint256 level
    ) external view {
        (size, index) = _bound(size, index);
        bytes32[] memory leaves = _leaves(size, salt);
        bytes32 root = _root(leaves, 0, size);
        bytes32[] memory proof = _path(leaves, 0, size, index);
        if (proof.length == 0) return;
        level = level % proof.length + 1;
        uint256 first = _firstUnder(size, index, proof.length - level);
        bytes32 node = _root(leaves, first, _countUnder(size, index, proof.length - level));
        bytes32[] memory rest = new bytes32[](proof.length - level);
        for (uint256 i = 0; i < rest.length; ++i) rest[i] = proof[i + level];
        require(!proofs.isIncluded(node, index, size, rest, root), "a node was taken for a leaf");
        require(!proofs.isIncluded(node, first, size, rest, root), "a node was taken for a leaf");
    }

    function testFuzz_growthIsProved(uint256 size, uint256 prior, bytes32 salt) external view {
        (size, prior) = _bound(size, prior);
        ++prior;
        bytes32[] memory leaves = _leaves(size, salt);
        (bytes32 old, bytes32 root) = (_root(leaves, 0, prior), _root(leaves, 0, size));
        bytes32[] memory proof = _between(leaves, 0, size, prior, true);
        require(proofs.isConsistent(prior, old, size, root, proof), "growth was refused");
    }

    function testFuzz_noOtherGrowthIsProved(
        uint256 size,
        uint256 prior,
        bytes32 salt,
        uint256 how
    ) external view {
        (size, prior) = _bound(size, prior);
        ++prior;
        bytes32[] memory leaves = _leaves(size, salt);
        (bytes32 old, bytes32 root) = (_root(leaves, 0, prior), _root(leaves, 0, size));
        bytes32[] memory proof = _between(leaves, 0, size, prior, true);
        uint256 kind = how % 6;
        bytes32 flip = bytes32(uint256(1) << (how >> 8) % 256);
        uint256 wrong = prior;
        if (kind == 0) old ^= flip;
        if (kind == 1) root ^= flip;
        if (kind == 2) wrong = how >> 8;
        if (kind == 3) proof = _longer(proof, salt);
        if (kind == 4 && proof.length > 0) proof = _shorter(proof);
        if (kind == 5 && proof.length > 0) proof[(how >> 16) % proof.length] ^= flip;
        if (kind > 3 && prior == size || wrong == prior && kind == 2) return;
        require(!proofs.isConsistent(wrong, old, size, root, proof), "wrong growth was proved");
    }

    /// Whatever is asked, the answer is yes or no, in bounded work.
    function testFuzz_nothingReverts(
        bytes32 leaf,
        uint256 index,
        uint256 size,
        bytes32[] memory proof,
        bytes32 root
    ) external view {
        require(!proofs.isIncluded(leaf, index, size, proof, root) || leaf == root, "included");
        bool same = index == size && leaf == root && proof.length == 0;
        bool holds = same && index != 0 && index < 2 ** 64;
        require(proofs.isConsistent(index, leaf, size, root, proof) == holds, "grown");
    }

    function testFuzz_leafHash(bytes memory entry) external view {
        require(proofs.leafHash(entry) == sha256(bytes.concat(hex"00", entry)), "leaf hash");
    }

    // RFC 6962, sections 2.1, 2.1.1 and 2.1.2, over leaves[from .. from + count).

    function _root(
        bytes32[] memory leaves,
        uint256 from,
        uint256 count
    ) private pure returns (bytes32) {
        if (count == 1) return leaves[from];
        uint256 k = _split(count);
        return _node(_root(leaves, from, k), _root(leaves, from + k, count - k));
    }

    function _path(
        bytes32[] memory leaves,
        uint256 from,
        uint256 count,
        uint256 index
    ) private pure returns (bytes32[] memory) {
        if (count == 1) return new bytes32[](0);
        uint256 k = _split(count);
        return index < k
            ? _longer(_path(leaves, from, k, index), _root(leaves, from + k, count - k))
            : _longer(_path(leaves, from + k, count - k, index - k), _root(leaves, from, k));
    }

    function _between(
        bytes32[] memory leaves,
        uint256 from,
        uint256 count,
        uint256 prior,
        bool whole
    ) private pure returns (bytes32[] memory) {
        if (prior == count) {
            bytes32[] memory none = new bytes32[](0);
            return whole ? none : _longer(none, _root(leaves, from, count));
        }
        uint256 k = _split(count);
        return prior <= k
            ? _longer(_between(leaves, from, k, prior, whole), _root(leaves, from + k, count - k))
            : _longer(
                _between(leaves, from + k, count - k, prior - k, false), _root(leaves, from, k)
            );
    }

    /// The subtree that holds a leaf, so many steps below the root: where it begins, and how large it is.
    function _firstUnder(
        uint256 count,
        uint256 index,
        uint256 steps
    ) private pure returns (uint256) {
        if (steps == 0) return 0;
        uint256 k = _split(count);
        return index < k
            ? _firstUnder(k, index, steps - 1)
            : k + _firstUnder(count - k, index - k, steps - 1);
    }

    function _countUnder(
        uint256 count,
        uint256 index,
        uint256 steps
    ) private pure returns (uint256) {
        if (steps == 0) return count;
        uint256 k = _split(count);
        return index < k
            ? _countUnder(k, index, steps - 1)
            : _countUnder(count - k, index - k, steps - 1);
    }

    function _split(uint256 count) private pure returns (uint256 k) {
        k = 1;
        while (k * 2 < count) k *= 2;
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32) {
        return sha256(bytes.concat(hex"01", left, right));
    }

    // What is drawn.

    function _bound(uint256 size, uint256 index) private pure returns (uint256, uint256) {
        size = size % LARGEST + 1;
        return (size, index % size);
    }

    function _leaves(uint256 size, bytes32 salt) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) leaves[i] = sha256(abi.encode(salt, i));
    }

    function _longer(
        bytes32[] memory list,
        bytes32 last
    ) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) longer[i] = list[i];
        longer[list.length] = last;
    }

    function _shorter(bytes32[] memory list) private pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](list.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) shorter[i] = list[i];
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchors} from "../../../contracts/IAnchors.sol";
import {IAnchorsFor} from "../../../contracts/IAnchorsFor.sol";
import {ACC_BITS, MOST, ORDER, Shipped, Vm, Wallet, vm} from "./Shipped.sol";

/// Many heads in one call: exactly the bad ones are left out, each for its own reason.
contract ManyTest is Shipped {
    uint256 private constant KINDS = 14;
    uint256 private constant LONGEST = 24;
    uint256 private constant OLD_SIZE = 7;
    IAnchorsFor private anchors;
    address private wallet;

    struct Expected {
        IAnchors.Outcome outcome;
        address publisher;
        bytes32 origin;
    }

    function setUp() external {
        anchors = IAnchorsFor(deployShipped("Anchors"));
        wallet = address(new Wallet());
        vm.warp(1_800_000_000);
    }

    function testFuzz_exactlyTheBadAreLeftOut(uint8[] memory kinds, uint256 salt) external {
        uint256 count = kinds.length % LONGEST;
        IAnchorsFor.SignedHead[] memory items = new IAnchorsFor.SignedHead[](count);
        Expected[] memory expected = new Expected[](count);
        for (uint256 i = 0; i < count; ++i) {
            IAnchors.Outcome outcome;
            if (kinds[i] % KINDS == 0 && i > 0) {
                // The same again: good once at most, and refused for what it was refused for.
                (items[i], outcome) = (items[i - 1], expected[i - 1].outcome);
                if (outcome == IAnchors.Outcome.Anchored) outcome = IAnchors.Outcome.NotTheHead;
            } else {
                (items[i], outcome) = _item(kinds[i] % KINDS, salt, i);
            }
            expected[i] = Expected(outcome, items[i].publisher, items[i].head.origin);
        }
        vm.recordLogs();
        uint256 anchored = anchors.anchorManyFor(items);
        _check(items, expected, anchored, vm.getRecordedLogs());
    }

    function testFuzz_aHeadAloneIsRefusedAsAmongMany(uint8 kind, uint256 salt) external {
        (IAnchorsFor.SignedHead memory item, IAnchors.Outcome outcome) = _item(kind % KINDS, salt, 0);
        bytes4[6] memory errors = [
            bytes4(0),
            IAnchors.NotTheHead.selector,
            IAnchors.NoGrowth.selector,
            IAnchors.TooMuchGrowth.selector,
            IAnchorsFor.TooLate.selector,
            IAnchorsFor.NotSigned.selector
        ];
        try anchors.anchorFor(item) {
            require(outcome == IAnchors.Outcome.Anchored, "a bad head was anchored");
        } catch (bytes memory reason) {
            require(bytes4(reason) == errors[uint256(outcome)], "refused for another reason");
        }
    }

    function testFuzz_noOtherSignatureCounts(bytes memory signature, uint256 key) external {
        address publisher = vm.addr(1);
        IAnchors.Head memory head = IAnchors.Head(bytes32(key), 0, 1, bytes32(0));
        uint256 deadline = block.timestamp;
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key % (ORDER - 2) + 2, digestOf(address(anchors), publisher, head, deadline));
        bytes[2] memory tries = [signature, abi.encodePacked(r, s, v)];
        for (uint256 i = 0; i < 2; ++i) {
            try anchors.anchorFor(IAnchorsFor.SignedHead(publisher, head, deadline, tries[i])) {
                revert("a stranger's signature was taken");
            } catch {}
        }
    }

    /// One item of a kind, under a publisher of its own, and what must become of it.
    function _item(
        uint256 kind,
        uint256 salt,
        uint256 index
    ) private returns (IAnchorsFor.SignedHead memory item, IAnchors.Outcome) {
        uint256 key = uint256(keccak256(abi.encode(salt, index))) % (ORDER - 1) + 1;
        item.publisher = kind == 12 || kind == 13 ? wallet : vm.addr(key);
        item.head.origin = keccak256(abi.encode("log", salt, index));
        vm.prank(item.publisher);
        anchors.anchor(item.head.origin, 0, uint40(OLD_SIZE), bytes32(0));
        item.head.prior = anchors.headOf(item.publisher, item.head.origin);
        item.head.size = uint40(OLD_SIZE + 1 + salt % MOST);
        item.head.root = bytes32(salt);
        item.deadline = block.timestamp + salt % 2;
        IAnchors.Outcome outcome = _spoilHead(item, kind, salt);
        item.signature = signHead(anchors, key, item.publisher, item.head, item.deadline);
        if (kind < 6) return (item, outcome);
        return (item, _spoilSignature(item, kind, salt));
    }

    function _spoilHead(
        IAnchorsFor.SignedHead memory item,
        uint256 kind,
        uint256 salt
    ) private view returns (IAnchors.Outcome) {
        if (kind == 2) {
            item.head.prior ^= 1 << (salt % 256);
            return IAnchors.Outcome.NotTheHead;
        }
        if (kind == 3) {
            item.head.size = uint40(salt % (OLD_SIZE + 1));
            return IAnchors.Outcome.NoGrowth;
        }
        if (kind == 4) {
            item.head.size = uint40(OLD_SIZE + MOST + 1 + salt % (2 ** 39));
            return IAnchors.Outcome.TooMuchGrowth;
        }
        if (kind == 5) {
            item.deadline = block.timestamp - 1 - salt % 1000;
            return IAnchors.Outcome.TooLate;
        }
        return IAnchors.Outcome.Anchored;
    }

    function _spoilSignature(
        IAnchorsFor.SignedHead memory item,
        uint256 kind,
        uint256 salt
    ) private pure returns (IAnchors.Outcome) {
        bytes memory signature = item.signature;
        if (kind == 6) signature[salt % 64] ^= bytes1(uint8(1) << uint8(salt / 64 % 8));
        if (kind == 7) item.head.root ^= bytes32(uint256(1) << (salt % 256));
        if (kind == 8) item.publisher = vm.addr(salt % 1000 + 1);
        if (kind == 9) item.signature = _highS(signature);
        if (kind == 10) item.signature = new bytes(salt % 64);
        if (kind == 11) {
            item.signature = _compact(signature);
            return IAnchors.Outcome.Anchored;
        }
        if (kind == 12) item.signature = "open";
        if (kind == 13) {
            item.signature = "sesame";
            return IAnchors.Outcome.Anchored;
        }
        return IAnchors.Outcome.NotSigned;
    }

    function _split(bytes memory signature) private pure returns (bytes32 r, uint256 s, uint8 v) {
        assembly {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        v = uint8(signature[64]);
    }

    function _highS(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, uint256 s, uint8 v) = _split(signature);
        return abi.encodePacked(r, ORDER - s, 55 - v);
    }

    function _compact(bytes memory signature) private pure returns (bytes memory) {
        (bytes32 r, uint256 s, uint8 v) = _split(signature);
        return abi.encodePacked(r, s | uint256(v - 27) << 255);
    }

    function _check(
        IAnchorsFor.SignedHead[] memory items,
        Expected[] memory expected,
        uint256 anchored,
        Vm.Log[] memory logs
    ) private view {
        require(logs.length == items.length, "not one event for each item");
        uint256 good = 0;
        for (uint256 i = 0; i < items.length; ++i) {
            Expected memory want = expected[i];
            bool isGood = want.outcome == IAnchors.Outcome.Anchored;
            bytes32 kind = isGood ? IAnchors.Anchored.selector : IAnchors.Refused.selector;
            require(logs[i].topics[0] == kind, "left out, or not, against what it is");
            require(logs[i].topics[1] == bytes32(uint256(uint160(want.publisher))), "publisher");
            require(logs[i].topics[2] == want.origin, "origin");
            if (isGood) {
                ++good;
                uint256 head = anchors.headOf(want.publisher, want.origin);
                require(head >> ACC_BITS == items[i].head.size, "another size was stored");
            } else {
                IAnchors.Outcome said = abi.decode(logs[i].data, (IAnchors.Outcome));
                require(said == want.outcome, "refused for another reason");
            }
        }
        require(anchored == good, "the count is wrong");
    }
}

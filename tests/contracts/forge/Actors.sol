// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchors} from "../../../contracts/IAnchors.sol";
import {IAnchorsFor} from "../../../contracts/IAnchorsFor.sol";
import {ACC_BITS, END, MOST, Shipped, Vm, Wallet, vm} from "./Shipped.sol";

/// Publishers, relays, allowed keys, thieves and strangers, who do in any order what forge draws.
/// Before each act is written down who may move a head by it and by how much; after it every head
/// is compared. The heads are also replayed from the events alone.
contract Actors is Shipped {
    struct Allowance {
        uint256 until;
        uint256 most;
    }

    /// One drawn head: each number chooses one thing.
    struct Draw {
        uint8 publisher;
        uint8 signer;
        uint8 origin;
        uint8 prior;
        uint8 deadline;
        uint8 spoilt;
        uint32 growth;
        bytes32 root;
    }

    uint256 public constant PUBLISHERS = 5;
    uint256 public constant ORIGINS = 3;

    IAnchorsFor public immutable anchors;
    mapping(address publisher => mapping(bytes32 origin => uint256 head)) public replayed;
    uint256 public anchored;
    uint256 public revocations;
    uint256 public refusals;

    address[PUBLISHERS] private who;
    mapping(address publisher => mapping(address key => Allowance)) private allowances;
    /// How much the heads of a publisher may grow by the present act.
    mapping(address publisher => uint256) private may;
    bytes32 private ending;

    constructor() {
        anchors = IAnchorsFor(deployShipped("Anchors"));
        // The last publisher is a contract; nobody has the key of its address.
        for (uint256 i = 0; i < PUBLISHERS - 1; ++i) who[i] = vm.addr(i + 1);
        who[PUBLISHERS - 1] = address(new Wallet());
    }

    modifier watched() {
        for (uint256 i = 0; i < PUBLISHERS; ++i) may[who[i]] = 0;
        ending = 0;
        uint256[] memory before = allHeads();
        vm.recordLogs();
        _;
        _replay(vm.getRecordedLogs());
        _compare(before);
    }

    // What anybody does for himself.

    function anchor(Draw memory draw) external watched {
        address by = _publisher(draw);
        IAnchors.Head memory head = _head(draw);
        may[by] = MOST;
        vm.prank(by);
        try anchors.anchor(head.origin, head.prior, head.size, head.root) {} catch {}
    }

    function anchorMany(Draw[4] memory draws) external watched {
        address by = _publisher(draws[0]);
        IAnchors.Head[] memory heads = new IAnchors.Head[](4);
        for (uint256 i = 0; i < 4; ++i) {
            draws[i].publisher = draws[0].publisher;
            heads[i] = _head(draws[i]);
        }
        may[by] = 4 * MOST;
        vm.prank(by);
        anchors.anchorMany(heads);
    }

    function revoke(uint8 publisher, uint8 origin, uint8 seldom) external watched {
        if (seldom % 4 != 0) return;
        address by = who[publisher % PUBLISHERS];
        ending = originOf(origin % ORIGINS);
        may[by] = END;
        vm.prank(by);
        anchors.revoke(ending);
        ++revocations;
    }

    function allow(uint8 publisher, uint8 key, uint8 seconds_, uint32 most) external watched {
        (address by, address to) = (who[publisher % PUBLISHERS], who[key % PUBLISHERS]);
        uint64 until = seconds_ == 0 ? 0 : uint64(block.timestamp + seconds_);
        vm.prank(by);
        try anchors.allow(to, until, most) {
            require(most <= MOST, "a key was allowed more than its publisher");
            allowances[by][to] = Allowance(until, most);
        } catch {
            require(most > MOST, "an allowance was refused");
        }
    }

    // What is done for another, or to him.

    function anchorAs(Draw memory draw) external watched {
        (address publisher, address by) = (_publisher(draw), who[draw.signer % PUBLISHERS]);
        IAnchors.Head memory head = _head(draw);
        may[publisher] = _allowance(publisher, by);
        vm.prank(by);
        try anchors.anchorAs(publisher, head) {} catch {}
    }

    function anchorFor(Draw memory draw) external watched {
        IAnchorsFor.SignedHead memory item = _sign(draw);
        try anchors.anchorFor(item) {} catch {}
    }

    function anchorManyFor(Draw[4] memory draws) external watched {
        IAnchorsFor.SignedHead[] memory items = new IAnchorsFor.SignedHead[](4);
        for (uint256 i = 0; i < 4; ++i) items[i] = _sign(draws[i]);
        anchors.anchorManyFor(items);
    }

    /// Nobody of `who` sends this, and nobody signed it.
    function stranger(address by, bytes calldata data) external watched {
        for (uint256 i = 0; i < PUBLISHERS; ++i) if (by == who[i]) return;
        vm.prank(by);
        (bool done,) = address(anchors).call(data);
        done;
    }

    /// Every function, with coins: each must refuse them.
    function pay(uint96 coins, Draw memory draw, uint8 which) external watched {
        if (coins == 0) return;
        IAnchors.Head memory head = _head(draw);
        bytes[6] memory calls = [
            bytes(""),
            abi.encodeCall(
                IAnchors.anchor, (head.origin, head.prior, head.size, head.root)
            ),
            abi.encodeCall(IAnchors.anchorMany, (new IAnchors.Head[](0))),
            abi.encodeCall(IAnchors.revoke, (head.origin)),
            abi.encodeCall(IAnchorsFor.anchorManyFor, (new IAnchorsFor.SignedHead[](0))),
            abi.encodeCall(IAnchorsFor.allow, (address(this), 1, 1))
        ];
        address by = _publisher(draw);
        vm.deal(by, coins);
        vm.prank(by);
        (bool done,) = address(anchors).call{value: coins}(calls[which % 6]);
        require(!done, "coins were taken");
    }

    function pass(uint16 time, bytes32 hash) external {
        vm.roll(block.number + 1);
        vm.warp(block.timestamp + time % 100);
        vm.setBlockhash(block.number - 1, hash);
    }

    // What the invariants ask.

    function publisherOf(uint256 index) external view returns (address) {
        return who[index];
    }

    function originOf(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("origin", index));
    }

    function allHeads() public view returns (uint256[] memory heads) {
        heads = new uint256[](PUBLISHERS * ORIGINS);
        for (uint256 i = 0; i < heads.length; ++i) {
            heads[i] = anchors.headOf(who[i / ORIGINS], originOf(i % ORIGINS));
        }
    }

    // How a head is drawn.

    function _publisher(Draw memory draw) private view returns (address) {
        return who[draw.publisher % PUBLISHERS];
    }

    function _head(Draw memory draw) private view returns (IAnchors.Head memory head) {
        head.origin = originOf(draw.origin % ORIGINS);
        head.prior = anchors.headOf(_publisher(draw), head.origin);
        uint256 growth = draw.growth % 16 == 0 ? draw.growth : draw.growth % 1000;
        // Past the end of uint40 a revoked log would seem to begin anew.
        head.size = uint40((head.prior >> ACC_BITS) + growth);
        if (draw.prior % 8 == 0) head.prior ^= uint256(1) << draw.spoilt;
        head.root = draw.root;
    }

    /// Has one account sign for a publisher, and writes down whether that counts.
    function _sign(Draw memory draw) private returns (IAnchorsFor.SignedHead memory item) {
        item.publisher = _publisher(draw);
        item.head = _head(draw);
        // Half of the draws are the publisher's own.
        uint256 signer = draw.signer % 2 == 0 ? draw.publisher : draw.signer;
        bool late = draw.deadline % 8 == 0;
        item.deadline = late ? block.timestamp - 1 : block.timestamp + draw.deadline;
        signer %= PUBLISHERS;
        if (signer == PUBLISHERS - 1) {
            item.signature = draw.signer % 3 == 0 ? bytes("open") : bytes("sesame");
            if (!late && draw.signer % 3 != 0 && item.publisher == who[signer]) {
                may[item.publisher] += MOST;
            }
            return item;
        }
        item.signature = signHead(anchors, signer + 1, item.publisher, item.head, item.deadline);
        if (draw.spoilt % 4 == 0) {
            item.signature[draw.spoilt % 64] ^= bytes1(uint8(1) << draw.spoilt % 8);
        } else if (!late) {
            may[item.publisher] +=
                item.publisher == who[signer] ? MOST : _allowance(item.publisher, who[signer]);
        }
    }

    function _allowance(address publisher, address key) private view returns (uint256) {
        Allowance memory allowance = allowances[publisher][key];
        return block.timestamp <= allowance.until ? allowance.most : 0;
    }

    // What is held against the contract.

    function _replay(Vm.Log[] memory logs) private {
        for (uint256 i = 0; i < logs.length; ++i) {
            require(logs[i].emitter == address(anchors), "an event of another contract");
            bytes32 kind = logs[i].topics[0];
            if (kind == IAnchors.Refused.selector) ++refusals;
            if (kind == IAnchors.Anchored.selector) _replayAnchor(logs[i]);
            if (kind != IAnchors.Revoked.selector) continue;
            (address by, bytes32 origin) = _topics(logs[i]);
            uint256 last = abi.decode(logs[i].data, (uint256));
            require(last == replayed[by][origin], "a revocation of a head that was not");
            replayed[by][origin] = last | END << ACC_BITS;
        }
    }

    function _replayAnchor(Vm.Log memory log) private {
        (address by, bytes32 origin) = _topics(log);
        (uint256 size, bytes32 root, uint256 prior) =
            abi.decode(log.data, (uint256, bytes32, uint256));
        require(prior == replayed[by][origin], "an anchor on a head that was not");
        uint256 acc = prior & (1 << ACC_BITS) - 1;
        bytes32 parent = blockhash(block.number - 1);
        bytes memory words =
            bytes.concat(bytes32(acc), bytes32(size), root, bytes32(block.number));
        uint256 mixed =
            uint256(keccak256(bytes.concat(words, bytes32(block.timestamp), parent)));
        replayed[by][origin] = size << ACC_BITS | mixed & (1 << ACC_BITS) - 1;
        ++anchored;
    }

    function _topics(Vm.Log memory log) private pure returns (address publisher, bytes32 origin) {
        return (address(uint160(uint256(log.topics[1]))), log.topics[2]);
    }

    function _compare(uint256[] memory before) private view {
        uint256[] memory now_ = allHeads();
        for (uint256 i = 0; i < now_.length; ++i) {
            uint256 most = may[who[i / ORIGINS]];
            if (most != 0 && ending != 0 && originOf(i % ORIGINS) == ending) {
                require(now_[i] == before[i] | END << ACC_BITS, "a revocation did something else");
            } else if (now_[i] != before[i]) {
                (uint256 old, uint256 size) = (before[i] >> ACC_BITS, now_[i] >> ACC_BITS);
                require(ending == 0, "a revocation moved another log");
                require(most != 0, "somebody moved another's head");
                require(old != END, "a revoked head moved");
                require(size > old, "a head moved without growth");
                require(size - old <= most, "a head grew by more than was allowed");
            }
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchorsFor} from "../../../contracts/IAnchorsFor.sol";
import {Actors} from "./Actors.sol";

/// What holds after any acts of anybody in any order. That sizes only grow, that nobody moves
/// another's head and that a revoked one stays is held against each act in Actors.
contract InvariantsTest {
    Actors private actors;
    IAnchorsFor private anchors;
    bytes32 private code;

    function setUp() external {
        actors = new Actors();
        anchors = actors.anchors();
        code = address(anchors).codehash;
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    /// One function: forge plays all its histories anew for each.
    function invariant_headsAreReplayedAndNoValueIsHeld() external view {
        uint256[] memory heads = actors.allHeads();
        uint256 origins = actors.ORIGINS();
        for (uint256 i = 0; i < heads.length; ++i) {
            address publisher = actors.publisherOf(i / origins);
            uint256 replayed = actors.replayed(publisher, actors.originOf(i % origins));
            require(heads[i] == replayed, "a head is not what its events say");
        }
        require(address(anchors).balance == 0, "the contract holds value");
        require(address(anchors).codehash == code, "the code changed");
    }

    /// Acts that never succeed, or never fail, would prove nothing.
    function test_theActsBothSucceedAndFail() external {
        for (uint256 i = 0; i < 100; ++i) {
            actors.anchorFor(_draw(i));
            actors.anchorAs(_draw(i));
            actors.allow(uint8(i), uint8(i + 1), 200, uint32(i));
            actors.anchorMany([_draw(i), _draw(i + 1), _draw(i + 2), _draw(i + 3)]);
            actors.revoke(uint8(i), uint8(i / 5), i % 20 == 0 ? 0 : 1);
            actors.pass(uint16(i), bytes32(i));
        }
        require(actors.anchored() > 100, "hardly anything was anchored");
        require(actors.refusals() > 50, "hardly anything was refused");
        require(actors.revocations() > 3, "hardly anything was revoked");
    }

    function _draw(uint256 seed) private pure returns (Actors.Draw memory) {
        bytes32 drawn = keccak256(abi.encode(seed));
        return Actors.Draw(
            uint8(drawn[0]),
            uint8(drawn[1]),
            uint8(drawn[2]),
            uint8(drawn[3]),
            uint8(drawn[4]),
            uint8(drawn[5]),
            uint32(uint256(drawn)),
            drawn
        );
    }
}

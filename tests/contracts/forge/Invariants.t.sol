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

    /// Acts that never succeed would prove nothing.
    function afterInvariant() external view {
        require(actors.anchored() > 0, "nothing was anchored");
        require(actors.refusals() > 0, "nothing was refused");
    }
}

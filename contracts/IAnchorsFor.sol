// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchors} from "./IAnchors.sol";

/// @title Anchoring for somebody: by a signature that anybody may bring, or by a key of its own
/// @notice A publisher needs no funds: what it signs is brought by a relay. A publisher may also
/// allow keys that can do nothing but anchor its logs.
interface IAnchorsFor is IAnchors {
    /// @notice A head that its publisher signed, as EIP-712 has it.
    /// @dev Domain: name "stemproof Anchors", version "1", the live chain id, this contract. Type:
    /// Anchor(address publisher,bytes32 origin,uint256 prior,uint40 size,bytes32 root,uint256 deadline)
    /// As `prior` holds an accumulator, a signature is of use at most once.
    /// @param publisher under whom the head stands
    /// @param head what is anchored
    /// @param deadline the last second (Unix time) at which it may be brought
    /// @param signature of the publisher or of a key that it allowed, with low s: r, s, v or the
    /// compact form of ERC-2098; or what a contract at `publisher` takes by ERC-1271
    struct SignedHead {
        address publisher;
        Head head;
        uint256 deadline;
        bytes signature;
    }

    /// @notice `publisher` allowed `key` to anchor its logs up to and with the second `until`, by at
    /// most `mostGrowth` entries in one anchor. `until` 0 takes it back.
    event Allowed(address indexed publisher, address indexed key, uint64 until, uint40 mostGrowth);

    /// @notice The signature came after its deadline.
    error TooLate(uint256 deadline);

    /// @notice Neither `publisher` nor a key that it allows signed this, or sent it.
    error NotSigned(address publisher);

    /// @notice Moves the head of `item.publisher` by its signature.
    function anchorFor(SignedHead calldata item) external;

    /// @notice Anchors many signed heads; each one that fails is left out alone.
    /// @dev A wallet contract gets at most `WALLET_GAS` to check its signature, and one word of its
    /// answer is read.
    /// @return anchored how many were not
    function anchorManyFor(SignedHead[] calldata list) external returns (uint256 anchored);

    /// @notice Moves the head of `publisher`, by the caller's standing as a key that it allowed.
    function anchorAs(address publisher, Head calldata head) external;

    /// @notice Allows `key` to anchor the caller's logs; `until` 0 takes it back.
    /// @param until the last second (Unix time)
    /// @param mostGrowth the most entries that the key may add in one anchor
    function allow(address key, uint64 until, uint40 mostGrowth) external;

    /// @notice The most entries that `key` may add now in one anchor of `publisher`; 0 for none.
    function allowanceOf(address publisher, address key) external view returns (uint40 mostGrowth);

    /// @notice Whether the contract at `wallet` takes the signature (EIP-1271). It may revert.
    function asksWallet(
        address wallet,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool);

    /// @notice The gas that a wallet contract gets to check a signature.
    function WALLET_GAS() external view returns (uint256);
}

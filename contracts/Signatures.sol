// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchorsFor} from "./IAnchorsFor.sol";

/// @dev ERC-1271: what a wallet contract answers for a signature that it takes.
interface IWallet {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);
}

/// @title Who signed a head: EIP-712, an account's signature first, then EIP-1271
abstract contract Signatures is IAnchorsFor {
    /// @inheritdoc IAnchorsFor
    uint256 public constant WALLET_GAS = 100_000;

    bytes32 private constant DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant NAME = keccak256("stemproof Anchors");
    bytes32 private constant VERSION = keccak256("1");
    bytes32 private constant ANCHOR_TYPE = keccak256(
        "Anchor(address publisher,bytes32 origin,uint256 prior,uint40 size,bytes32 root,uint256 deadline)"
    );
    /// @dev Half of secp256k1's order: of the two s that sign alike only the low one is taken (EIP-2).
    uint256 private constant HIGHEST_S =
        0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @inheritdoc IAnchorsFor
    function asksWallet(
        address wallet,
        bytes32 digest,
        bytes calldata signature
    ) external view returns (bool) {
        return IWallet(wallet).isValidSignature(digest, signature)
            == IWallet.isValidSignature.selector;
    }

    /// @dev Computed in each call: after a fork of the chain its id is another one.
    function _domain() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME, VERSION, block.chainid, address(this)));
    }

    function _digest(SignedHead calldata item, bytes32 domain) internal pure returns (bytes32) {
        // A head is four words in a row, in the order of the type.
        return keccak256(
            abi.encodePacked(
                hex"1901",
                domain,
                keccak256(abi.encode(ANCHOR_TYPE, item.publisher, item.head, item.deadline))
            )
        );
    }

    /// @dev The account that signed, or 0. Compact signatures are those of ERC-2098.
    function _recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        if (signature.length == 64) {
            bytes32 vs = bytes32(signature[32:64]);
            uint8 v = uint8(uint256(vs) >> 255) + 27;
            return _recoverLow(digest, v, bytes32(signature[:32]), uint256(vs) & type(uint256).max >> 1);
        }
        if (signature.length != 65) return address(0);
        return _recoverLow(
            digest, uint8(signature[64]), bytes32(signature[:32]), uint256(bytes32(signature[32:64]))
        );
    }

    function _recoverLow(bytes32 digest, uint8 v, bytes32 r, uint256 s) private pure returns (address) {
        return s > HIGHEST_S ? address(0) : ecrecover(digest, v, r, bytes32(s));
    }

    /// @dev The wallet is asked through a call to ourselves: whatever it answers, or burns, or
    /// returns too little or too much of, stays in that call and its gas.
    function _takes(
        address wallet,
        bytes32 digest,
        bytes calldata signature
    ) internal view returns (bool) {
        if (wallet.code.length == 0) return false;
        try this.asksWallet{gas: WALLET_GAS}(wallet, digest, signature) returns (bool taken) {
            return taken;
        } catch {
            return false;
        }
    }
}

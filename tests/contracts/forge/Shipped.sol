// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAnchors} from "../../../contracts/IAnchors.sol";
import {IAnchorsFor} from "../../../contracts/IAnchorsFor.sol";

/// What forge offers at its own address; only what these tests use.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function prank(address sender) external;
    function deal(address account, uint256 balance) external;
    function roll(uint256 number) external;
    function warp(uint256 time) external;
    function setBlockhash(uint256 number, bytes32 hash) external;
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

uint256 constant ACC_BITS = 216;
uint256 constant END = 2 ** 40 - 1;
uint256 constant MOST = 2 ** 24;
uint256 constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

/// The bytecode that ships, not another compilation of the sources.
abstract contract Shipped {
    function deployShipped(string memory name) internal returns (address made) {
        string memory path = string.concat("ledger/stemproof/anchor/artifacts/", name, ".json");
        bytes memory code = vm.parseJsonBytes(vm.readFile(path), ".bytecode");
        assembly {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), "the shipped contract was not created");
    }

    /// Signs as docs/format/anchor.md says, written apart from the contract's own way.
    function signHead(
        IAnchorsFor anchors,
        uint256 key,
        address publisher,
        IAnchors.Head memory head,
        uint256 deadline
    ) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, digestOf(address(anchors), publisher, head, deadline));
        return abi.encodePacked(r, s, v);
    }

    function digestOf(
        address contract_,
        address publisher,
        IAnchors.Head memory head,
        uint256 deadline
    ) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("stemproof Anchors"),
                keccak256("1"),
                block.chainid,
                contract_
            )
        );
        bytes32 kind = keccak256(
            "Anchor(address publisher,bytes32 origin,uint256 prior,uint40 size,bytes32 root,uint256 deadline)"
        );
        bytes memory members =
            abi.encode(kind, publisher, head.origin, head.prior, head.size, head.root, deadline);
        return keccak256(bytes.concat(hex"1901", domain, keccak256(members)));
    }
}

/// A wallet that takes one word for a signature, and nothing else.
contract Wallet {
    function isValidSignature(bytes32, bytes calldata signature) external pure returns (bytes4) {
        return keccak256(signature) == keccak256("sesame") ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

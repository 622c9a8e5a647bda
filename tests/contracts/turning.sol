// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// A wallet that takes every signature until it is turned, and then burns all the gas that it gets.
contract Turning {
    bool private turned;

    function turn() external {
        turned = true;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 n = 0;
        while (turned && gasleft() > 0) n += gasleft();
        return n == 0 ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

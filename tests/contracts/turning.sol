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

/// A wallet that takes every signature as long as nobody pays for being asked.
contract Unpaid {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 n = 0;
        while (tx.gasprice > 0 && gasleft() > 0) n += gasleft();
        return 0x1626ba7e;
    }
}

/// A wallet that takes every signature in one block, and none in the next.
contract Fickle {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        return block.number % 2 == 0 ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

/// A wallet that takes every signature, after burning most of its gas.
contract Thirsty {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 n = 0;
        while (gasleft() > 10_000) n += gasleft();
        return n > 0 ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Shipped, vm} from "./Shipped.sol";

/// No coins come in by any call, and the code has no instruction by which any could go out.
contract ValueTest is Shipped {
    address[2] private shipped;

    function setUp() external {
        shipped = [deployShipped("Anchors"), deployShipped("LogProofs")];
    }

    function testFuzz_noCallBringsCoins(bytes memory data, uint96 coins) external {
        if (coins == 0) return;
        for (uint256 i = 0; i < 2; ++i) {
            vm.deal(address(this), coins);
            (bool done,) = shipped[i].call{value: coins}(data);
            require(!done && shipped[i].balance == 0, "coins were taken");
        }
    }

    /// Without these instructions nothing is paid, created, handed over or destroyed, even where
    /// coins were forced upon the contract. STATICCALL is there: for SHA-256 and for wallets.
    function test_theCodeCannotPayCreateDelegateOrDestroy() external view {
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory code = shipped[i].code;
            uint256 length = _lengthWithoutMetadata(code);
            for (uint256 place = 0; place < length; ++place) {
                uint8 op = uint8(code[place]);
                // PUSH1 to PUSH32: what is pushed is no instruction.
                if (op >= 0x60 && op <= 0x7f) place += op - 0x5f;
                bool calls = op == 0xf1 || op == 0xf2 || op == 0xf4;
                require(!calls && op != 0xf0 && op != 0xf5 && op != 0xff, "a forbidden instruction");
            }
        }
    }

    /// The compiler's note stands behind the code, and its length in the last two bytes.
    function _lengthWithoutMetadata(bytes memory code) private pure returns (uint256) {
        uint256 note = uint256(uint8(code[code.length - 2])) << 8 | uint8(code[code.length - 1]);
        require(note == 10, "the note has another length");
        return code.length - 2 - note;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What may stand behind a publisher's address: one wallet that keeps to ERC-1271, and some that do not.
contract Keeping {
    address private immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bytes32 s = bytes32(signature[32:64]);
        address by = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
        return by == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}

contract Burning {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 n = 0;
        while (gasleft() > 0) n += gasleft();
        return bytes4(uint32(n));
    }
}

contract Bombing {
    fallback() external {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 2000000)
        }
    }
}

contract BombingBack {
    fallback() external {
        assembly {
            revert(0, 150000)
        }
    }
}

contract Short {
    fallback() external {
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 31)
        }
    }
}

contract Dirty {
    fallback() external {
        assembly {
            mstore(0, or(shl(224, 0x1626ba7e), 1))
            return(0, 32)
        }
    }
}

contract Silent {
    fallback() external {}
}

contract Refusing {
    fallback() external {
        revert("no");
    }
}

/// Tries to write while it is asked.
contract Writing {
    uint256 private count;

    fallback() external {
        ++count;
        assembly {
            mstore(0, shl(224, 0x1626ba7e))
            return(0, 32)
        }
    }
}

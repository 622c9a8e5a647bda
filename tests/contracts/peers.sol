// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// What a transaction that only leaves an event costs: the floor for anything on chain.
contract BareEvent {
    event Left(bytes32 indexed what);

    function leave(bytes32 what) external {
        emit Left(what);
    }
}

/// The timestamps of the Ethereum Attestation Service (MIT), with its storage, checks and event:
/// one new slot for each digest, whoever sends it first.
contract Timestamps {
    error AlreadyTimestamped();

    event Timestamped(bytes32 indexed data, uint64 indexed timestamp);

    mapping(bytes32 data => uint64 timestamp) private _timestamps;

    function timestamp(bytes32 data) external returns (uint64) {
        uint64 time = uint64(block.timestamp);
        _timestamp(data, time);
        return time;
    }

    function multiTimestamp(bytes32[] calldata data) external returns (uint64) {
        uint64 time = uint64(block.timestamp);
        for (uint256 i = 0; i < data.length; ++i) _timestamp(data[i], time);
        return time;
    }

    function _timestamp(bytes32 data, uint64 time) private {
        if (_timestamps[data] != 0) revert AlreadyTimestamped();
        _timestamps[data] = time;
        emit Timestamped(data, time);
    }
}

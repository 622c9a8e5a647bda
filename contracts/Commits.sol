// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICommits} from "./ICommits.sol";

/// @title The index that ICommits describes
contract Commits is ICommits {
    /// @inheritdoc ICommits
    function commitMany(
        string[] calldata assetCids,
        string calldata commitData
    ) external returns (uint256 blockNumber) {
        for (uint256 i = 0; i < assetCids.length; ++i) {
            emit Commit(msg.sender, assetCids[i], commitData);
        }
        return block.number;
    }

    /// @dev Of IERC7053.
    function commit(
        string calldata assetCid,
        string calldata commitData
    ) external returns (uint256 blockNumber) {
        emit Commit(msg.sender, assetCid, commitData);
        return block.number;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The index of digital media that ERC-7053 describes
interface IERC7053 {
    /// @notice `recorder` says something about the content that `assetCid` names.
    /// @dev `assetCid` is indexed, so the log holds keccak256 of it: who knows the CID finds it.
    event Commit(address indexed recorder, string indexed assetCid, string commitData);

    /// @notice Says something about one content.
    /// @return blockNumber the block in which it was said
    function commit(
        string memory assetCid,
        string memory commitData
    ) external returns (uint256 blockNumber);
}

/// @title Published claims, where other indexers look for them
/// @notice It stores nothing and judges nothing: anybody may say anything about any CID, and under
/// their own account only. What is said is worth what the claim behind it proves.
interface ICommits is IERC7053 {
    /// @notice Says the same about each of many contents: the masters of one release.
    /// @return blockNumber the block in which it was said
    function commitMany(
        string[] calldata assetCids,
        string calldata commitData
    ) external returns (uint256 blockNumber);
}

"""Anchoring: a log's checkpoint is written to an EVM chain, and the proof of it is brought home.

`contract`, `chains`, `filelock` are light; `evm` and its siblings talk to nodes through web3 and
sign through eth-account, which are imported when a chain is opened and not before.
"""

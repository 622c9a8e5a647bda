"""From a bundle and a verifier's trust to a verdict: verified, refuted or undecided.

A consensus room without adapters: no network, no database, no web3. What it must ask
(is this block hash canonical?) it asks through a port handed in by its caller.
"""

"""Where audio is kept: encryption, block stores, IPFS nodes, gateways.

Adapters all: each module is named after the outside thing that it talks to. Nothing here is needed
to verify a bundle. What a node or a gateway says is never believed: content is compared with its
CID, which was computed here.
"""

"""A DAW-driving server on the public `mcp` library: python library_server.py stdio|http."""

import sys

from mcp.server import MCPServer
from mcp.server.mcpserver import Audio

server = MCPServer("library-daw", version="1.5")


@server.tool()
def set_gain(track: str, db: float) -> str:
    """Set a track's gain."""
    return f"{track} is at {db} dB"


@server.tool()
def render(bars: int) -> Audio:
    """Render some bars."""
    return Audio(data=b"RIFF" + bytes(bars), format="wav")


if __name__ == "__main__":
    if sys.argv[1] == "http":
        server.run("streamable-http", port=0)
    else:
        server.run()

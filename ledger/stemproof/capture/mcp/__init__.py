"""The Model Context Protocol: how an assistant drives other programs, read as it passes by."""

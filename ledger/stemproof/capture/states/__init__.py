"""What plug-ins keep as bytes, told apart by family and read as far as their law is known.

Readers of sessions call `decode_state(data, ids=…, name=…)` of `decode.py` with the bytes that
the program stored for a plug-in, unpacked from its own wrapping (base64 lines, hex text).
"""

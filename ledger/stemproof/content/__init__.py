"""Content addresses: CID, UnixFS, CAR. Pure: bytes in, values out, no network and no files.

A consensus room: a change here can give the same audio another CID and orphan bundles already
issued, so each change needs a new vector under tests/vectors/cid or tests/vectors/car.
"""

"""IPFS nodes by the Kubo RPC, through ipfshttpclient: our own node and Kubo alike.

ipfshttpclient 0.7 has no upkeep any more and is used with care: `Client()`, since `connect()` knows
no present Kubo; every option spelled out, since its defaults override what `opts` says; files as
nameless streams, since it sends the absolute path of a named one; blocks as streams, since it
collects a reply of any size otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from stemproof.content.car import CarReader
from stemproof.content.cid import MAX_BLOCK_BYTES, Cid, check_block, parse_cid
from stemproof.content.unixfs import DEFAULT_PROFILE, Node, Profile, Source
from stemproof.errors import Refuted, Unavailable, Usage
from stemproof.pin.durable import UserFile
from stemproof.pin.tree import build_path

_SEND_BYTES: Final = 1 << 20


class IpfsNode:
    """A Backend over the RPC port of an IPFS node."""

    def __init__(self, url: str, *, connect_s: float = 5.0, silence_s: float = 120.0) -> None:
        """Take `http://HOST:PORT`. `silence_s`: how long the node may keep us waiting."""
        self._url = url.rstrip("/")
        self._address = _multiaddr(self._url)
        self._timeout = (connect_s, silence_s)

    @property
    def name(self) -> str:
        """The node's address."""
        return self._url

    def describe(self) -> str:
        """Ask for program and version."""
        with self._client() as client:
            identity = client.id()
            return str(identity["AgentVersion"])[:80]

    def add_file(self, path: Path, profile: Profile = DEFAULT_PROFILE) -> Node:
        """Upload and pin a file; its name and folder are not sent."""
        node = build_path(path, profile=profile)
        with UserFile(path) as file, self._client() as client:
            answer = client.add(
                _Nameless(file),
                pin=True,
                cid_version=profile.version,
                raw_leaves=profile.raw_leaves,
                chunker=f"size-{profile.chunk_bytes}",
                opts={"max-file-links": profile.width},
            )
            returned = str(answer["Hash"])
        self._check_named(path, returned, node.cid)
        return node

    def add_car(self, car: Path) -> Cid:
        """Upload a CAR and pin its root."""
        with UserFile(car) as file:
            root = CarReader(file, max_bytes=0).root
        with UserFile(car) as file, self._client() as client:
            answer = client.dag.imprt(_Nameless(file)).as_json()
            returned = str(answer["Root"]["Cid"]["/"])
        self._check_named(car, returned, root)
        return root

    def has(self, root: Cid) -> bool:
        """Look for `root` among the node's recursive pins."""
        # By the list, since a CID that is not pinned is an error like any other.
        with self._client() as client:
            return str(root) in client.pin.ls(type="recursive").as_json()["Keys"]

    def get_block(self, cid: Cid) -> bytes:
        """Fetch a block that the node holds; it is asked not to look elsewhere."""
        block = bytearray()
        with (
            self._client() as client,
            client.block.get(str(cid), stream=True, offline=True) as parts,
        ):
            for part in parts:
                block += part
                if len(block) > MAX_BLOCK_BYTES:
                    raise Unavailable(f"{self._url} sends over {MAX_BLOCK_BYTES} bytes for {cid}")
        try:
            check_block(cid, block)
        except Refuted as error:
            raise Unavailable(f"{self._url} sends other bytes for {cid}") from error
        return bytes(block)

    def rm(self, root: Cid) -> None:
        """Remove the pin."""
        with self._client() as client:
            client.pin.rm(str(root))

    def _check_named(self, path: Path, returned: str, expected: Cid) -> None:
        if returned != str(expected):
            raise Unavailable(
                f"{self._url} names {path} {returned!r:.80}, want {expected}",
                hint="the file changed during the upload, or the node is not to be trusted",
            )
        if not self.has(parse_cid(returned)):
            raise Unavailable(f"{self._url} took {expected} but does not list it as pinned")

    @contextmanager
    def _client(self) -> Iterator[Any]:  # Any: ipfshttpclient publishes no types
        import ipfshttpclient

        errors = ipfshttpclient.exceptions
        try:
            with (
                warnings.catch_warnings(),
                ipfshttpclient.Client(
                    self._address, timeout=self._timeout, chunk_size=_SEND_BYTES
                ) as client,
            ):
                # It passes an argument to urllib3 that urllib3 3 will refuse; hence urllib3<3.
                warnings.simplefilter("ignore", FutureWarning)
                yield client
        except errors.TimeoutError as error:
            raise Unavailable(f"{self._url} does not answer in time") from error
        except errors.ErrorResponse as error:
            raise Unavailable(f"{self._url} answers: {str(error)!r:.200}") from error
        except (errors.Error, OSError) as error:
            raise Unavailable(f"{self._url} cannot be reached or breaks off") from error
        except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
            # What ipfshttpclient and our own indexing make of an answer of another form.
            raise Unavailable(f"{self._url} does not answer as an IPFS node does") from error


class _Nameless:
    """A file without the name that ipfshttpclient would send along."""

    name = "file"

    def __init__(self, source: Source) -> None:
        self._source = source

    def read(self, size: int) -> bytes:
        return self._source.read(size)


def _multiaddr(url: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None or parts.path:
        raise Usage(f"node {url!r:.80} is not of the form http://HOST:PORT")
    try:
        kind = f"ip{ip_address(parts.hostname).version}"
    except ValueError:
        kind = "dns"
    return f"/{kind}/{parts.hostname}/tcp/{port}/{parts.scheme}"

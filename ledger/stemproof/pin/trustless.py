"""The trustless gateway: blocks and CARs by CID, which the asker checks itself.

    GET /ipfs/CID?format=raw     one block            Accept: application/vnd.ipld.raw
    GET /ipfs/CID?format=car     it and all below it  Accept: application/vnd.ipld.car

HEAD too. CARs are version 1, depth first, without duplicates; `dag-scope` all or block. Nothing is
ever rendered as a web page. Specification: IPFS trustless gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stemproof.content.car import format_header, format_section
from stemproof.content.cid import Cid, parse_cid
from stemproof.content.walk import walk_blocks
from stemproof.errors import Refuted, Undecided
from stemproof.pin.blocks import BlockMissing, BlockStore
from stemproof.pin.server import HttpRefusal, Reply, Request

RAW_TYPE: Final = "application/vnd.ipld.raw"
CAR_TYPE: Final = "application/vnd.ipld.car"

_CAR_FULL_TYPE: Final = f"{CAR_TYPE}; version=1; order=dfs; dups=n"
_PREFIX: Final = "/ipfs/"
# The empty block with its bytes in the CID: clients ask for it to see what kind of gateway this is.
_PROBE: Final = "bafkqaaa"
_KNOWN_OPTIONS: Final = frozenset(("format", "dag-scope", "filename", "download", "car-version"))


class Gateway:
    """Answers gateway requests from one block store."""

    def __init__(self, store: BlockStore) -> None:
        self._store = store

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        options = dict(request.options)
        if len(options) != len(request.options) or options.keys() - _KNOWN_OPTIONS:
            raise HttpRefusal(400, "an option is unknown here or given twice")
        if not request.path.startswith(_PREFIX):
            raise HttpRefusal(404, "only /ipfs/CID is served here")
        name = request.path.removeprefix(_PREFIX)
        form = _wanted_form(options.get("format"), request.accept)
        if name == _PROBE and form == "raw":
            return Reply(200, RAW_TYPE, b"")
        cid = _cid(name)
        scope = options.get("dag-scope", "all")
        if scope not in ("all", "block"):
            raise HttpRefusal(400, f"dag-scope is {scope!r:.40}, want all or block")
        etag = f'"{cid}.raw"' if form == "raw" else f'W/"{cid}.car.{scope}"'
        headers = _headers(cid, form, etag)
        if not self._store.has(cid):
            raise HttpRefusal(404, f"{cid} is not here")
        if etag in request.if_none_match:
            return Reply(304, _CAR_FULL_TYPE if form == "car" else RAW_TYPE, b"", headers)
        if form == "raw":
            return Reply(200, RAW_TYPE, self._store.get(cid), headers)
        return Reply(200, _CAR_FULL_TYPE, self._car(cid, scope), headers)

    def _car(self, root: Cid, scope: str) -> Iterator[bytes]:
        if scope == "block":
            block = self._store.get(root)
            return iter((format_header(root), format_section(root, block)))
        try:
            self._store.check_whole(root)
        except BlockMissing as error:
            raise HttpRefusal(404, f"{root} is not here as a whole: {error}") from error
        return self._whole_car(root)

    def _whole_car(self, root: Cid) -> Iterator[bytes]:
        yield format_header(root)
        for cid, block in walk_blocks(root, self._store.get_unchecked):
            yield format_section(cid, block)


def _cid(name: str) -> Cid:
    if "/" in name:
        raise HttpRefusal(400, "paths below a CID are not served here, ask for the CID itself")
    try:
        return parse_cid(name)
    except (Refuted, Undecided) as error:
        raise HttpRefusal(400, str(error)) from error


def _wanted_form(option: str | None, accept: str) -> str:
    if option is not None:
        if option not in ("raw", "car"):
            raise HttpRefusal(406, f"format is {option!r:.40}, want raw or car")
        return option
    for item in accept.split(","):
        kind = item.partition(";")[0].strip()
        if kind == RAW_TYPE:
            return "raw"
        if kind == CAR_TYPE:
            return "car"
    raise HttpRefusal(406, "this gateway is trustless: ask with ?format=raw or ?format=car")


def _headers(cid: Cid, form: str, etag: str) -> tuple[tuple[str, str], ...]:
    ending = "bin" if form == "raw" else "car"
    return (
        ("Etag", etag),
        ("Cache-Control", "public, max-age=29030400, immutable"),
        ("Content-Disposition", f'attachment; filename="{cid}.{ending}"'),
        ("X-Ipfs-Path", f"/ipfs/{cid}"),
        ("X-Ipfs-Roots", str(cid)),
        ("Vary", "Accept"),
        ("Accept-Ranges", "none"),
    )

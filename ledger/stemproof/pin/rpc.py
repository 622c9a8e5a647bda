"""The part of the Kubo RPC that pinning needs, over a block store.

Calls: version id add block/put block/get block/stat dag/import dag/export pin/add pin/ls pin/rm cat
repo/stat repo/gc. Their options and answers are in docs/pinning.md. Everything is local: nothing is
looked for on a network, so a CID that is not here is an error at once. It is not Kubo and never
says so.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import stemproof
from stemproof.content.car import CarReader, format_header, format_section
from stemproof.content.cid import DAG_PB, MAX_BLOCK_BYTES, RAW, Cid, cid_of
from stemproof.content.unixfs import Profile, Source, build_file
from stemproof.content.walk import read_range, walk_blocks
from stemproof.errors import Malformed, Usage
from stemproof.pin.blocks import BlockStore
from stemproof.pin.multipart import MultipartReader, Part, parse_boundary
from stemproof.pin.options import Options, cid_argument
from stemproof.pin.server import HttpRefusal, Reply, Request, json_reply

PREFIX: Final = "/api/v0/"
AGENT: Final = f"stemproof-node/{stemproof.__version__}"

_CHUNKER: Final = re.compile(r"size-([1-9][0-9]{0,7})")
_CODECS: Final = {"raw": RAW, "dag-pb": DAG_PB}

T = TypeVar("T")
Call = Callable[[Options, Request], Reply]


class Rpc:
    """Answers RPC requests from one block store."""

    def __init__(self, store: BlockStore, *, max_upload_bytes: int) -> None:
        self._store = store
        self._max_upload_bytes = max_upload_bytes
        self._calls: dict[str, Call] = {
            "version": self._version,
            "id": self._id,
            "add": self._add,
            "block/put": self._block_put,
            "block/get": self._block_get,
            "block/stat": self._block_stat,
            "dag/import": self._dag_import,
            "dag/export": self._dag_export,
            "pin/add": self._pin_add,
            "pin/ls": self._pin_ls,
            "pin/rm": self._pin_rm,
            "cat": self._cat,
            "repo/stat": self._repo_stat,
            "repo/gc": self._repo_gc,
        }

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        call = self._calls.get(request.path.removeprefix(PREFIX))
        if call is None or not request.path.startswith(PREFIX):
            raise HttpRefusal(404, f"{request.path!r:.80} is not a call of this node")
        try:
            return call(Options(request.options), request)
        except Usage as error:
            raise HttpRefusal(400, str(error)) from error

    def _version(self, options: Options, _request: Request) -> Reply:
        options.check_all_known()
        version = f"{stemproof.__version__}-stemproof-node"
        return json_reply(
            {"Version": version, "Commit": "", "Repo": "", "System": "", "Golang": ""}
        )

    def _id(self, options: Options, _request: Request) -> Reply:
        options.check_all_known()
        # No peer to peer network, hence no peer id, key or address.
        nobody = {"ID": "", "PublicKey": "", "Addresses": [], "Protocols": []}
        return json_reply({**nobody, "AgentVersion": AGENT})

    def _add(self, options: Options, request: Request) -> Reply:
        profile = _profile(options)
        is_pinned = options.flag("pin", default=True)
        only_hash = options.flag("only-hash", default=False)
        options.refuse("trickle", "nocopy", "wrap-with-directory", "recursive", "fscache", "inline")
        options.check_all_known()
        with self._store.writing():
            if only_hash:
                node = _only_file(request, lambda part: build_file(part, profile=profile))
            else:
                put = self._store.put_named
                node = _only_file(request, lambda part: build_file(part, put, profile))
                self._keep(node.cid, is_pinned)
        return json_reply(
            {"Name": str(node.cid), "Hash": str(node.cid), "Size": str(node.dag_bytes)}
        )

    def _keep(self, root: Cid, is_pinned: bool) -> None:
        if is_pinned:
            self._store.pin(root)
        else:
            self._store.sync()

    def _block_put(self, options: Options, request: Request) -> Reply:
        codec, version = _block_form(options)
        is_pinned = options.flag("pin", default=False)
        options.check_all_known()
        with self._store.writing():
            block = _only_file(request, _read_block)
            cid = cid_of(block, codec=codec, version=version)
            self._store.put_named(cid, block)
            self._keep(cid, is_pinned)
        return json_reply({"Key": str(cid), "Size": len(block)})

    def _block_get(self, options: Options, _request: Request) -> Reply:
        options.check_all_known()
        return Reply(200, "application/octet-stream", self._store.get(options.cid()))

    def _block_stat(self, options: Options, _request: Request) -> Reply:
        options.check_all_known()
        cid = options.cid()
        return json_reply({"Key": str(cid), "Size": self._store.size(cid)})

    def _dag_import(self, options: Options, request: Request) -> Reply:
        is_pinned = options.flag("pin-roots", default=True)
        options.refuse("stats", "allow-big-block", "fast-provide-root")
        options.check_all_known()
        with self._store.writing():
            root = _only_file(request, self._import_car)
            self._store.check_whole(root)
            self._keep(root, is_pinned)
        return json_reply({"Root": {"Cid": {"/": str(root)}, "PinErrorMsg": ""}})

    def _import_car(self, source: Source) -> Cid:
        reader = CarReader(source, max_bytes=self._max_upload_bytes)
        for section in reader.sections():
            self._store.put_named(section.cid, section.block)
        return reader.root

    def _dag_export(self, options: Options, _request: Request) -> Reply:
        options.check_all_known()
        root = options.cid()
        self._store.check_whole(root)
        return Reply(200, "application/vnd.ipld.car; version=1", self._car(root))

    def _car(self, root: Cid) -> Iterator[bytes]:
        yield format_header(root)
        for cid, block in walk_blocks(root, self._store.get_unchecked):
            yield format_section(cid, block)

    def _pin_add(self, options: Options, _request: Request) -> Reply:
        if not options.flag("recursive", default=True):
            raise Usage("this node pins a CID with all that is below it, never the block alone")
        options.check_all_known()
        roots = [cid_argument(text) for text in options.args]
        with self._store.writing():
            for root in roots:
                self._store.check_whole(root)
                self._store.pin(root)
        return json_reply({"Pins": [str(root) for root in roots]})

    def _pin_ls(self, options: Options, _request: Request) -> Reply:
        kind = options.text("type", "all")
        if kind not in ("all", "recursive", "direct", "indirect"):
            raise Usage(f"pin type is {kind!r:.40}, want all, recursive, direct or indirect")
        options.refuse("stream", "names")
        options.check_all_known()
        roots = tuple(cid_argument(text) for text in options.args)
        for root in roots:
            if not self._store.is_pinned(root):
                raise Usage(f"path '{root}' is not pinned")
        if not roots and kind in ("all", "recursive"):
            roots = self._store.pins()
        return json_reply({"Keys": {str(root): {"Type": "recursive"} for root in roots}})

    def _pin_rm(self, options: Options, _request: Request) -> Reply:
        options.flag("recursive", default=True)
        options.check_all_known()
        roots = [cid_argument(text) for text in options.args]
        for root in roots:
            self._store.unpin(root)
        return json_reply({"Pins": [str(root) for root in roots]})

    def _cat(self, options: Options, _request: Request) -> Reply:
        start = options.number("offset", 0)
        length = options.number("length", 0)  # Kubo too reads 0 as "to the end"
        options.check_all_known()
        root = options.cid()
        self._store.check_whole(root)
        stop = start + length if length else None
        parts = read_range(root, self._store.get_unchecked, start=start, stop=stop)
        return Reply(200, "application/octet-stream", parts)

    def _repo_stat(self, options: Options, _request: Request) -> Reply:
        options.flag("size-only", default=False)
        options.flag("human", default=False)
        options.check_all_known()
        size = self._store.stat()
        document = {"NumObjects": size.blocks, "RepoSize": size.bytes, "StorageMax": 0}
        return json_reply({**document, "RepoPath": "", "Version": AGENT})

    def _repo_gc(self, options: Options, _request: Request) -> Reply:
        options.check_all_known()
        # A block is kept by its hash, which a raw CID names whatever codec it had.
        gone = [Cid(1, RAW, bytes.fromhex(name)) for name in self._store.collect()]
        body = io.BytesIO()
        for cid in gone:
            body.write(b'{"Key":{"/":"%s"}}\n' % str(cid).encode("ascii"))
        return Reply(200, "application/json", body.getvalue())


def _profile(options: Options) -> Profile:
    """Take an importer's options; the defaults are Kubo's own, not the profile of ours."""
    version = options.number("cid-version", 0)
    if version not in (0, 1):
        raise Usage(f"cid-version is {version}, want 0 or 1")
    raw_leaves = options.flag("raw-leaves", default=version == 1)
    width = options.number("max-file-links", 174)
    if not 2 <= width <= 8192:
        raise Usage(f"max-file-links is {width}, want 2 to 8192")
    chunker = _CHUNKER.fullmatch(options.text("chunker", "size-262144"))
    # A DAG-PB leaf is some bytes longer than its chunk, and must fit into a block.
    if chunker is None or int(chunker[1]) > MAX_BLOCK_BYTES - 64:
        raise Usage(f"chunker is not size-N with N up to {MAX_BLOCK_BYTES - 64}")
    if options.text("hash", "sha2-256") != "sha2-256":
        raise Usage("this node hashes with sha2-256 only")
    return Profile("as asked", int(chunker[1]), width, raw_leaves, version)


def _block_form(options: Options) -> tuple[int, int]:
    if options.text("mhtype", "sha2-256") != "sha2-256" or options.text("mhlen", "-1") != "-1":
        raise Usage("this node hashes with sha2-256 only")
    if options.text("format", "") == "v0":
        return DAG_PB, 0
    codec = options.text("cid-codec", "raw")
    if codec not in _CODECS or options.text("format", "") not in ("", "raw"):
        raise Usage("this node takes blocks of cid-codec raw or dag-pb, or of format v0")
    return _CODECS[codec], 1


def _read_block(source: Source) -> bytes:
    parts = bytearray()
    while data := source.read(MAX_BLOCK_BYTES):
        parts += data
        if len(parts) > MAX_BLOCK_BYTES:
            raise Malformed("block", f"over {MAX_BLOCK_BYTES} bytes", "a smaller one")
    return bytes(parts)


def _only_file(request: Request, use: Callable[[Part], T]) -> T:
    """Hand the single uploaded file to `use`, and refuse a second one or a cut-off body."""
    reader = MultipartReader(request.body, parse_boundary(request.content_type))
    part = reader.next_part()
    if part is None:
        raise Usage("no file is sent")
    if part.content_type.startswith(("application/x-directory", "application/symlink")):
        raise Usage("folders come as a CAR through dag/import, not through add")
    result = use(part)
    if reader.next_part() is not None:
        raise Usage("several files are sent, want one a call")
    return result

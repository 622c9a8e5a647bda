"""pin, node, cid: stems where anyone can fetch and check them."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stemproof.acts.begin import Work
    from stemproof.content.cid import Cid
    from stemproof.record.canonical import Json as JsonValue

pin_app = typer.Typer(help="Put stems where anyone can fetch and check them.")
node_app = typer.Typer(help="stemproof's own small IPFS node.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
WorkName = Annotated[str | None, typer.Option(help="Title, folder or id of the work.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(pin_app, name="pin", no_args_is_help=True)
    app.add_typer(node_app, name="node", no_args_is_help=True)
    app.command()(cid)


@pin_app.command()
def add(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.")],
    public: Annotated[
        bool, typer.Option("--public", help="In clear. It cannot be taken back.")
    ] = False,
    to: Annotated[str | None, typer.Option(help="The node's RPC address.")] = None,
    work: WorkName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before --public.")] = False,
    json: Json = False,
) -> None:
    """Pin audio to an IPFS node: encrypted for you alone, unless --public."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.home import now, opened
    from stemproof.acts.pinning import finish_pins, open_node, pin_file
    from stemproof.keys.public import read_public

    home = context.writable()
    files = list(_files(paths))
    if public:
        say.confirm(f"{counted(len(files), 'file')} in clear, for everybody and for ever?", yes=yes)
    recipient = None if public else read_public(home.path).age_recipient
    with opened(home) as log:
        found = _work_of(find_work(log, work) if work else None, files) or find_work(log, None)
        keeper = open_node(home, log, to)
        for pin in finish_pins(home, log, now()):
            say.talk(f"{pin.path}: pinned before as {pin.cid} and recorded only now")
        pins = []
        for path in files:
            with say.waiting(f"pinning {path.name}"):
                pins.append(pin_file(log, found, keeper, path, recipient, now()))
    if json:
        rows: list[JsonValue] = [
            {"cid": pin.cid, "path": pin.path, "encrypted": pin.encrypted, "home": pin.home}
            for pin in pins
        ]
        say.answer_json({"v": 0, "pins": rows})
        return
    state = "in clear" if public else "encrypted"
    say.table(("cid", "file", "state"), [(pin.cid, pin.path, state) for pin in pins])
    say.talk(f"kept by {keeper.name}; look with `stemproof pin status`")


@pin_app.command()
def status(json: Json = False) -> None:
    """List what is pinned, and whether its node still has it."""
    from stemproof.acts.home import opened
    from stemproof.acts.pinning import home_of, list_pins, unfinished_pins
    from stemproof.content.cid import parse_cid
    from stemproof.errors import StemproofError

    home = context.ledger()
    with opened(home) as log:
        unfinished = unfinished_pins(log)
        pins = [*list_pins(log), *unfinished]
    rows: list[dict[str, JsonValue]] = []
    for pin in pins:
        try:
            held = "held" if home_of(home, pin).has(parse_cid(pin.cid)) else "missing"
        except StemproofError as error:
            held = f"not reachable: {error}" + (f"; {error.hint}" if error.hint else "")
        if pin in unfinished:
            held += "; not recorded, the next `stemproof pin add` looks after it"
        rows.append(
            {
                "cid": pin.cid,
                "path": pin.path,
                "encrypted": pin.encrypted,
                "home": pin.home,
                "state": held,
            }
        )
    if json:
        say.answer_json({"v": 0, "pins": list(rows)})
        return
    if not rows:
        say.talk("nothing is pinned yet: `stemproof pin add FILE`")
        return
    say.table(
        ("cid", "file", "kind", "home", "state"),
        [
            (
                str(row["cid"]),
                str(row["path"]),
                "encrypted" if row["encrypted"] else "in clear",
                str(row["home"]),
                str(row["state"]),
            )
            for row in rows
        ],
    )


@pin_app.command()
def fetch(
    cid: Annotated[str, typer.Argument(metavar="CID", help="What to fetch.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write it; by default its name, in this folder."),
    ] = None,
    gateway: Annotated[
        list[str] | None, typer.Option(help="A gateway to ask; several may.")
    ] = None,
    decrypt: Annotated[
        bool, typer.Option("--decrypt", help="Open it by this ledger's key.")
    ] = False,
) -> None:
    """Fetch pinned content; every block is checked against its CID."""
    from stemproof.errors import Usage
    from stemproof.pin import node
    from stemproof.pin.age import decrypt_file
    from stemproof.pin.gateway import fetch as fetch_from

    wanted = _parse_cid(cid)
    target = out or Path(_name_of(cid, decrypt=decrypt))
    if target.exists() or target.is_symlink():
        raise Usage(f"{target} exists already", hint="name another file with --out")
    running = node.status(context.home().blocks)
    gateways = [*(gateway or []), *([] if running is None else [running.gateway_url])]
    keys = context.unlock(context.ledger()) if decrypt else None
    # A name of its own: the encrypted file may have been fetched before.
    beside = target.with_name(f".{target.name[:80]}.{secrets.token_hex(4)}.age")
    received = target if keys is None else beside
    with say.waiting(f"fetching {cid}"):
        fetched = fetch_from(wanted, gateways, received)
    for name in fetched.hidden:
        say.talk(f"note: {name} begins with a dot, so that many programs hide it")
    for fault in fetched.faults:
        say.talk(f"{fault.gateway}: {fault.reason}")
    size = fetched.bytes
    if keys is not None:
        try:
            size = decrypt_file(received, target, keys.age_identities)
        finally:
            received.unlink(missing_ok=True)
    say.answer(f"{target}: {size} bytes, every block checked")


@node_app.command()
def start(
    api_port: Annotated[int, typer.Option(help="The RPC's port; 0 takes a free one.")] = 5711,
    gateway_port: Annotated[int, typer.Option(help="The gateway's port.")] = 5780,
) -> None:
    """Start the node of this ledger, on loopback."""
    from stemproof.pin import node

    home = context.home()
    home.make()
    config = node.NodeConfig(home.blocks, api_port=api_port, gateway_port=gateway_port)
    running = node.start(config)
    say.answer(
        f"node with RPC at http://{node.LOOPBACK}:{running.api_port}",
        f"gateway at {running.gateway_url}",
    )


@node_app.command()
def stop() -> None:
    """Stop the node of this ledger; what it holds is kept."""
    from stemproof.pin import node

    stopped = node.stop(context.home().blocks)
    say.answer("the node is stopped" if stopped else "no node was running")


@node_app.command("status")
def node_status() -> None:
    """Say whether the node of this ledger runs."""
    from stemproof.pin import node

    running = node.status(context.home().blocks)
    if running is None:
        say.answer("no node is running")
        raise typer.Exit(3)
    say.answer(
        f"node with RPC at http://{node.LOOPBACK}:{running.api_port}",
        f"gateway at {running.gateway_url}",
    )


def cid(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A file or folder.")],
    profile: Annotated[str, typer.Option(help="How the file is cut.")] = "unixfs-v1-2025",
) -> None:
    """Say the CID of a file or folder, offline; the CID alone is printed."""
    from stemproof.content.unixfs import profile_named
    from stemproof.pin.tree import build_path

    say.answer(str(build_path(path, profile=profile_named(profile)).cid))


def _name_of(cid: str, *, decrypt: bool) -> str:
    """Give the file name of what this ledger pinned; of anything else, the CID."""
    from stemproof.acts.home import opened
    from stemproof.acts.pinning import list_pins

    home = context.home()
    if home.exists:
        with opened(home) as log:
            for pin in list_pins(log):
                if pin.cid == cid:
                    name = Path(pin.path).name
                    return f"{name}.age" if pin.encrypted and not decrypt else name
    return cid


def _parse_cid(text: str) -> Cid:
    from stemproof.content.cid import parse_cid
    from stemproof.errors import Malformed, Usage

    try:
        return parse_cid(text)
    except Malformed as error:
        # Typed by the user: nothing was fetched that could be wrong.
        raise Usage(str(error)) from error


def _files(paths: list[Path]) -> Iterator[Path]:
    from stemproof.acts.survey import survey
    from stemproof.errors import BadInput

    for path in paths:
        if path.is_dir():
            found = [path / item.path for item in survey(path).found if item.kind == "audio"]
            if not found:
                raise BadInput(f"{path} holds no audio file")
            yield from sorted(found)
        else:
            yield path


def _work_of(named: Work | None, files: list[Path]) -> Work | None:
    """Find the work whose folder holds the files, where none is named."""
    from stemproof.acts.begin import list_works
    from stemproof.acts.home import opened

    if named is not None:
        return named
    with opened(context.ledger()) as log:
        for work in list_works(log):
            if all(work.folder in path.resolve().parents for path in files):
                return work
    return None

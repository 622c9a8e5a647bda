"""claim and verify: what an artist states, and what a stranger finds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.publications import publish

if TYPE_CHECKING:
    from stemproof.record.canonical import Json as JsonValue

claim_app = typer.Typer(help="State what a finished work is and how it was made.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
WorkName = Annotated[str | None, typer.Argument(metavar="WORK", help="Title, folder or id.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    claim_app.command()(publish)
    app.add_typer(claim_app, name="claim", no_args_is_help=True)
    app.command()(verify)


@claim_app.command()
def make(
    work: WorkName = None,
    master: Annotated[list[Path] | None, typer.Option(help="A finished master.")] = None,
    stem: Annotated[list[Path] | None, typer.Option(help="A stem of it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the bundle.")] = None,
    stamped: Annotated[
        bool, typer.Option("--stamped", help="Rest on a timestamp where no anchor is newer.")
    ] = False,
    json: Json = False,
) -> None:
    """Sign the claim about a finished work and write its bundle, NAME.stemproof."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.claiming import choose_audio, make_bundle, make_claim
    from stemproof.acts.handing import check_target, write_bundle
    from stemproof.acts.home import now, opened
    from stemproof.acts.vault import tell_size

    home = context.writable()
    with opened(home) as log:
        found = find_work(log, work)
        path = out or Path(f"{file_name(found.title)}.stemproof")
        check_target(path)
        chosen = choose_audio(log, found, master or [], stem or [], stamped=stamped)
        keys = context.unlock(home)

        def made() -> bytes:
            signed = make_claim(log, keys, found, chosen, now(), stamped=stamped)
            return make_bundle(log, keys, signed)

        with say.waiting("signing the claim"):
            size = write_bundle(home, path, made)
    listed = [*chosen.masters, *chosen.stems]
    if json:
        files: list[JsonValue] = [item.path for item in listed]
        say.answer_json({"v": 0, "bundle": str(path), "bytes": size, "files": files})
        return
    say.answer(f"{path}: claim about {found.title!r}, {tell_size(size)}")
    for item in listed:
        was = "" if item.path == item.recorded_path else f", recorded as {item.recorded_path}"
        say.answer(f"  {'master' if item in chosen.masters else 'stem':<6}  {item.path}{was}")
    say.talk("the next `stemproof anchor` dates the claim itself; then `stemproof claim bundle`")


@claim_app.command()
def bundle(
    work: WorkName = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the bundle.")] = None,
) -> None:
    """Write the bundle of the newest claim again, with the newest evidence."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.claiming import find_claim, make_bundle
    from stemproof.acts.handing import check_target, write_bundle
    from stemproof.acts.home import opened
    from stemproof.acts.vault import tell_size
    from stemproof.errors import BadInput

    home = context.writable()
    with opened(home) as log:
        found = find_work(log, work)
        signed = find_claim(log, found.id)
        if signed is None:
            raise BadInput(
                f"no claim was made about {found.title!r} yet", hint="run `stemproof claim make`"
            )
        path = out or Path(f"{file_name(found.title)}.stemproof")
        check_target(path)
        keys = context.unlock(home)
        size = write_bundle(home, path, lambda: make_bundle(log, keys, signed))
    say.answer(f"{path}: {tell_size(size)}")


def verify(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="NAME.stemproof")],
    audio: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[AUDIO]...", help="Audio to compare with what was claimed."),
    ] = None,
    chain: Annotated[str | None, typer.Option(help="The chain that counts, name or id.")] = None,
    contract: Annotated[str | None, typer.Option(help="The contract that counts.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="A log that you expect.")] = None,
    block: Annotated[list[str] | None, typer.Option(help="A canonical block's hash.")] = None,
    rpc: Annotated[list[str] | None, typer.Option(help="A node to ask; several may be.")] = None,
    need: Annotated[int | None, typer.Option(help="How many nodes must agree.")] = None,
    tsa_root: Annotated[
        list[Path] | None, typer.Option(help="PEM file: a timestamping authority you trust.")
    ] = None,
    bitcoin: Annotated[
        list[str] | None, typer.Option(help="HEIGHT:HEADER, a Bitcoin block that you know.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help='What must date it: evm, or "2 of evm,rfc3161,ots".')
    ] = None,
    trust: Annotated[Path | None, typer.Option(help="A file of keys and hashes you trust.")] = None,
    json: Json = False,
) -> None:
    """Check a bundle, and audio files against it: verified, refuted or undecided."""
    from stemproof.acts.checking import Asked, check_files
    from stemproof.verify.verdict import EXIT_CODES
    from stemproof_cli.verdicts import print_verdict, verdict_document

    user_chains = context.home().chains_file
    asked = Asked(
        chain=chain,
        contract=contract,
        origins=origin or [],
        blocks=block or [],
        rpcs=rpc or [],
        needed=need,
        trust=trust,
        chains_file=user_chains if user_chains.exists() else None,
        tsa_roots=tsa_root or [],
        bitcoin=bitcoin or [],
        policy=policy,
    )
    verdict = check_files(bundle, audio or [], asked)
    if json:
        say.answer_json(verdict_document(bundle, verdict))
    else:
        print_verdict(bundle, verdict)
    raise typer.Exit(EXIT_CODES[verdict.state])


def file_name(title: str) -> str:
    """Make a file name of a title: what every system takes, and nothing else."""
    kept = "".join(c if c.isalnum() or c in " -_" else "-" for c in title).strip(" -_")
    return kept[:80] or "work"

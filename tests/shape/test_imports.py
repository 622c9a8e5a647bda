"""Imports go one way, pure rooms stay pure, and checking a proof needs no adapter."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "ledger" / "stemproof"
CLI = ROOT / "cli" / "stemproof_cli"

# A room imports only from itself and from rooms that stand before it.
ROOMS = (
    "errors",
    "record",
    "seal",
    "evidence",
    "content",
    "keys",
    "audio",
    "log",
    "capture",
    "anchor",
    "pin",
    "blame",
    "claim",
    "licence",
    "verify",
    "registry",
    "testnet",
    "daws",
    # What a person does: each deed joins rooms above.
    "acts",
)
# Bytes and numbers in, values out: no files, no network, no libraries that know an outside thing.
PURE = ("record", "seal", "evidence", "content", "claim", "licence", "verify")
IMPURE_IN_STDLIB = {
    "http",
    "os",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
ADAPTED = {
    "acoustid",
    "aiohttp",
    "chromaprint",
    "eth_account",
    "imageio_ffmpeg",
    "ipfshttpclient",
    "keyring",
    "lxml",
    "platformdirs",
    "pyrage",
    "requests",
    "rich",
    "solcx",
    "typer",
    "urllib3",
    "watchdog",
    "web3",
    "yarl",
}

# What one module is meant for, and no other may do.
EXCEPTIONS = {
    "audio/fpcalc.py": {"os.environ"},  # pyacoustid takes the program's name from there alone
}


def module_files(room: str) -> list[Path]:
    return [*LEDGER.glob(f"{room}.py"), *(LEDGER / room).rglob("*.py")]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, inside functions too, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = LEDGER.parent if LEDGER in path.parents else CLI.parent
            above = path.relative_to(package).parts[: -node.level] if node.level else ()
            module = ".".join((*above, *filter(None, [node.module])))
            if module == "stemproof":
                yield from ((node.lineno, f"stemproof.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def test_every_folder_and_module_of_the_ledger_is_a_known_room() -> None:
    found = {
        path.stem
        for path in LEDGER.iterdir()
        if (path.is_dir() and any(path.glob("*.py"))) or path.suffix == ".py"
    } - {"__init__"}
    assert found <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room: str) -> None:
    allowed = ROOMS[: ROOMS.index(room) + 1]
    wrong = [
        f"{path.relative_to(LEDGER)}:{line} imports {name}"
        for path in module_files(room)
        for line, name in imports(path)
        if name.split(".")[0] == "stemproof_cli"
        or (name.startswith("stemproof.") and name.split(".")[1] not in allowed)
    ]
    assert wrong == []


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_imports_no_adapter(room: str) -> None:
    wrong = [
        f"{path.relative_to(LEDGER)}:{line} imports {name}"
        for path in module_files(room)
        for line, name in imports(path)
        if name.split(".")[0] in ADAPTED | IMPURE_IN_STDLIB
    ]
    assert wrong == []


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_opens_no_file_and_reads_no_clock(room: str) -> None:
    wrong = [
        f"{path.relative_to(LEDGER)}:{node.lineno} calls {ast.unparse(node.func)}"
        for path in module_files(room)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in {"open", "input", "datetime.now", "datetime.utcnow", "date.today"}
    ]
    assert wrong == []


# Runs in a process of its own: it blocks the adapters, then imports every module of the room.
BLOCKED_IMPORT = """
import importlib, pkgutil, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is blocked")

BLOCKED = set(sys.argv[2].split(","))
sys.meta_path.insert(0, Blocker())
room = importlib.import_module("stemproof." + sys.argv[1])
for module in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
    importlib.import_module(module.name)
print(*sys.modules)
"""


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_works_where_no_adapter_is_installed(room: str) -> None:
    if not (LEDGER / room / "__init__.py").exists():
        pytest.skip(f"the room {room} does not exist yet")
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED_IMPORT, room, ",".join(sorted(ADAPTED))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_blocker_blocks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED_IMPORT, "record", "rfc8785,hashlib"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is blocked" in done.stderr


@pytest.mark.parametrize("path", sorted(LEDGER.rglob("*.py")), ids=lambda path: path.stem)
def test_the_library_neither_prints_nor_exits_nor_reads_the_environment(path: Path) -> None:
    forbidden = {"print", "input", "exit", "quit", "sys.exit", "os._exit", "os.getenv"}
    forbidden |= {"os.environ"}
    forbidden -= EXCEPTIONS.get(path.relative_to(LEDGER).as_posix(), set())
    # A module that is started as a program may exit: under this one condition.
    started = "__name__ == '__main__'"
    wrong = [
        f"{path.relative_to(LEDGER)}:{node.lineno} has {ast.unparse(node)}"
        for part in ast.parse(path.read_text()).body
        if not (isinstance(part, ast.If) and ast.unparse(part.test) == started)
        for node in ast.walk(part)
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in forbidden
    ]
    assert wrong == []


def test_only_the_command_line_imports_the_command_line_libraries() -> None:
    wrong = [
        f"{path.relative_to(LEDGER)}:{line} imports {name}"
        for path in LEDGER.rglob("*.py")
        for line, name in imports(path)
        if name.split(".")[0] in {"typer", "rich", "click"}
    ]
    assert wrong == []


def test_the_command_line_imports_heavy_libraries_only_inside_functions() -> None:
    heavy = ADAPTED - {"typer", "rich", "platformdirs"}
    wrong = [
        f"{path.relative_to(CLI)}:{node.lineno}"
        for path in CLI.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
        if name.split(".")[0] in heavy
    ]
    assert wrong == []


# Part of what another one offers: web3's HTTP provider hands out sessions and errors of requests.
CARRIED = {"requests": "web3"}


def test_every_library_that_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [text for listed in project["optional-dependencies"].values() for text in listed]
    wanted = [*project["dependencies"], *extras]
    declared = {canonicalize_name(Requirement(text).name) for text in wanted}
    providers = importlib.metadata.packages_distributions()
    ours = {"stemproof", "stemproof_cli", "__future__"}
    undeclared = {
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in [*LEDGER.rglob("*.py"), *CLI.rglob("*.py")]
        for line, name in imports(path)
        if (top := name.split(".")[0]) not in sys.stdlib_module_names | ours
        and CARRIED.get(top) not in declared
        and not {canonicalize_name(found) for found in providers.get(top, [])} & declared
    }
    assert undeclared == set()

"""The service that watches all day: which manager this system has, and what became of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stemproof.errors import Usage
from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.acts.service import Service


def change(home: Home, *, install: bool, uninstall: bool) -> None:
    """Install or remove the service of a ledger."""
    from stemproof.acts.service import install_service, remove_service

    if install and uninstall:
        raise Usage("--install and --uninstall exclude each other")
    service = plan(home)
    if service is None:
        raise Usage(
            f"services are made for systemd and launchd, not for {sys.platform}",
            hint="let your system start `stemproof watch --no-ask` at login",
        )
    if uninstall:
        removed = remove_service(service)
        say.answer(f"removed {service.path}" if removed else "there was no service")
        return
    problem = install_service(service)
    say.answer(say.clean(f"installed {service.path}"))
    if problem is None:
        say.answer("it watches from now on, and from each login on")
    else:
        say.talk(f"note: not started now ({say.clean(problem)}); it starts at your next login")


def plan(home: Home) -> Service | None:
    """Plan the service that fits this system; None where there is no manager that we know."""
    from stemproof.acts.service import plan_service

    program = [sys.executable, "-P", "-m", "stemproof_cli"]
    if sys.platform == "darwin":
        folder = Path.home() / "Library" / "LaunchAgents"
        return plan_service("launchd", home, program=program, folder=folder)
    if sys.platform.startswith("linux"):
        settings = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        folder = Path(settings) / "systemd" / "user"
        return plan_service("systemd", home, program=program, folder=folder)
    return None


def standing(home: Home) -> str:
    """Say in one word or two how the service stands."""
    from stemproof.acts.service import is_running

    service = plan(home)
    if service is None or not service.is_installed:
        return "not installed"
    return "running" if is_running(service) else "installed, not running"

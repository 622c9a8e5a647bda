"""A relay, spoken to over HTTP and not believed.

    relay = Relay("https://relay.example")
    answer = relay.hand_in(format_signed_head(head))

Answers are bounded in bytes and time; redirections are not followed. Handing the same head in
again is harmless. What becomes of a head the chain says, see `relayed`.
"""

from __future__ import annotations

import http.client
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

from stemproof.anchor.post import exchange
from stemproof.anchor.relayanswer import (
    MAX_ANSWER_BYTES,
    RelayAnswer,
    RelayTerms,
    parse_answer,
    parse_terms,
)
from stemproof.anchor.signedhead import ticket_of
from stemproof.errors import Malformed, Unavailable, Usage

MAX_URL: Final = 2048


class RelayDown(Unavailable):
    """The relay does not answer, or with nothing that a relay answers."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"{where} {why}",
            hint="nothing is lost: try again later, name another one with --relay, or pay"
            " yourself with `--relay none`",
        )


class Relay:
    """A relay at a URL."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._url = _split(url)
        self._timeout_s = timeout_s
        #: How messages name it.
        port = f":{self._url.port}" if self._url.port else ""
        self.where = f"the relay at {self._url.hostname}{port}"

    def terms(self) -> RelayTerms:
        """Ask on which terms it works."""
        raw = self._exchange("/v0", None)
        try:
            return parse_terms(raw)
        except Malformed as error:
            raise self._junk(error) from error

    def hand_in(self, body: bytes) -> RelayAnswer:
        """Hand in a signed head, any number of times."""
        return self._read(self._exchange("/v0/heads", body), ticket_of(body))

    def ask(self, ticket: str) -> RelayAnswer:
        """Ask what became of a head."""
        return self._read(self._exchange(f"/v0/heads/{ticket}", None), ticket)

    def _read(self, raw: bytes, ticket: str) -> RelayAnswer:
        try:
            answer = parse_answer(raw)
            if answer.ticket not in ("", ticket):
                raise Malformed("ticket", answer.ticket, ticket)
            return answer
        except Malformed as error:
            raise self._junk(error) from error

    def _exchange(self, path: str, body: bytes | None) -> bytes:
        url = self._url._replace(path=self._url.path.rstrip("/") + path)
        try:
            status, raw = exchange(url, body, limit=MAX_ANSWER_BYTES, timeout_s=self._timeout_s)
        except TimeoutError as error:
            raise RelayDown(self.where, f"did not answer within {self._timeout_s:g} s") from error
        except ssl.SSLError as error:
            raise RelayDown(self.where, "cannot be reached safely: TLS fails") from error
        except OSError as error:
            raise RelayDown(self.where, f"is not reachable ({type(error).__name__})") from error
        except (http.client.HTTPException, ValueError) as error:
            raise RelayDown(self.where, "answers with something that no relay says") from error
        # Refusals come with an error status and say more than it.
        if not raw.startswith(b"{"):
            raise RelayDown(self.where, f"answers with HTTP {status} and nothing that a relay says")
        return raw

    def _junk(self, error: Malformed) -> RelayDown:
        return RelayDown(self.where, f"answers with something that no relay says: {error}")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fits = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not parts.query
            and not parts.fragment
            and parts.username is None
            and url.isascii()
            and url.isprintable()
            and " " not in url
            and len(url) <= MAX_URL
        )
    except ValueError:
        fits = False
    if not fits:
        raise Usage(
            f"{url!r:.60} is no address of a relay", hint="it begins with http:// or https://"
        )
    return parts

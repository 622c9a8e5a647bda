"""A timestamping authority of our own: certificates made here, answers by `openssl ts`.

tsa = make_tsa(folder); tsa.stamp(b"bytes") -> a token; tsa.serve() -> its address
"""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stemproof.evidence.der import read_item, write_item

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)

_CONFIG = """
[tsa]
default_tsa = tsa1
[tsa1]
serial = serial
default_policy = 1.2.3.4.1
digests = sha1, sha256, sha384, sha512
accuracy = secs:1, millisecs:500
{options}
ess_cert_id_alg = {ess}
signer_digest = {digest}
"""


@dataclass(frozen=True)
class Party:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        """The certificate's bytes."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as a file holds it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True)
class Wish:
    """What a TSA's certificates are like; the default is as it should be."""

    ec: bool = False
    after: timedelta = -DAY
    before: timedelta = 3650 * DAY
    usage: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,)
    critical: bool = True
    middle: bool = True
    middle_is_ca: bool = True
    digest: str = "sha256"
    ess: str = "sha256"
    name: str = "Test TSA"
    options: str = "ordering = no\ntsa_name = no\ness_cert_id_chain = no"


@dataclass(frozen=True)
class Tsa:
    """A running authority: its folder, its certificates."""

    folder: Path
    root: Party
    leaf: Party

    def answer(self, request: bytes) -> bytes:
        """Answer a request, as `openssl ts -reply` does."""
        (self.folder / "request.tsq").write_bytes(request)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "request.tsq"]
        command += ["-signer", "leaf.pem", "-inkey", "leaf.key", "-chain", "chain.pem"]
        subprocess.run(
            [*command, "-out", "answer.tsr"], cwd=self.folder, check=True, capture_output=True
        )
        return (self.folder / "answer.tsr").read_bytes()

    def ask(self, data: bytes, *options: str) -> bytes:
        """Make a request by `openssl ts -query` and answer it."""
        digest = hashlib.sha256(data).hexdigest()
        command = ["openssl", "ts", "-query", *(options or ("-digest", digest, "-sha256"))]
        done = subprocess.run(
            [*command, "-cert", "-no_nonce"], cwd=self.folder, check=True, capture_output=True
        )
        return self.answer(done.stdout)

    def stamp(self, data: bytes, *options: str) -> bytes:
        """Give the token over some bytes."""
        (self.folder / "asked.tsr").write_bytes(self.ask(data, *options))
        done = subprocess.run(
            ["openssl", "ts", "-reply", "-in", "asked.tsr", "-token_out"],
            cwd=self.folder,
            check=True,
            capture_output=True,
        )
        return done.stdout


def make_tsa(folder: Path, wish: Wish | None = None, root: Party | None = None) -> Tsa:
    """Make certificates and the files that `openssl ts` reads."""
    wish = wish or Wish()
    folder.mkdir(parents=True, exist_ok=True)
    root = root or make_root(f"{wish.name} root")
    issuer = root
    if wish.middle:
        issuer = _issue(root, f"{wish.name} CA", _key(is_ec=wish.ec), ca=wish.middle_is_ca)
    leaf = _issue(issuer, wish.name, _key(is_ec=wish.ec), ca=None, wish=wish)
    config = _CONFIG.format(ess=wish.ess, digest=wish.digest, options=wish.options)
    (folder / "tsa.cnf").write_text(config)
    (folder / "serial").write_text("01\n")
    (folder / "leaf.pem").write_bytes(leaf.pem)
    (folder / "root.pem").write_bytes(root.pem)
    (folder / "chain.pem").write_bytes(issuer.pem if wish.middle else b"")
    (folder / "leaf.key").write_bytes(
        leaf.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Tsa(folder, root, leaf)


def with_certificates(token: bytes, certificates: Iterable[bytes]) -> bytes:
    """Give a token other certificates: they lie outside the authority's signature."""
    content = read_item(token, "token").items()
    inner = [part.raw for part in content[1].items()[0].items()]
    inner[3] = write_item(0xA0, *sorted(certificates))
    return write_item(0x30, content[0].raw, write_item(0xA0, write_item(0x30, *inner)))


def make_root(name: str) -> Party:
    """Make a root certificate."""
    key = _key(is_ec=True)
    return _issue(None, name, key, ca=True)


def _key(*, is_ec: bool) -> Key:
    if is_ec:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def _issue(
    issuer: Party | None, name: str, key: Key, *, ca: bool | None, wish: Wish | None = None
) -> Party:
    now = datetime.now(UTC).replace(microsecond=0)
    after, before = (-3650 * DAY, 7300 * DAY) if wish is None else (wish.after, wish.before)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = key if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + after)
        .not_valid_after(now + before)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=bool(ca), path_length=None), critical=True)
    )
    if wish is not None and wish.usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(wish.usage), critical=wish.critical)
    return Party(builder.sign(signer, hashes.SHA256()), key)


@contextmanager
def served(answer: Callable[[str, bytes], tuple[int, bytes]]) -> Iterator[str]:
    """Serve POST and GET on loopback; `answer` takes path and body, gives status and body."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server looks for
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def do_GET(self) -> None:
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            with lock:
                status, data = answer(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # the name it overrides
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

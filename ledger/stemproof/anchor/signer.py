"""Who signs transactions: a private key in memory, or anything else that can."""

from __future__ import annotations

from typing import Protocol

from stemproof.errors import BadInput, Malformed
from stemproof.evidence.ethsig import Address, address_of_key, sign_digest

#: Members of a transaction as eth-account names them.
Fields = dict[str, int | str | bytes]


class Signer(Protocol):
    """An account that signs transactions."""

    @property
    def address(self) -> Address:
        """The account."""

    def sign_transaction(self, fields: Fields) -> bytes:
        """Sign, and yield the transaction as it is sent."""


class KeySigner:
    """Signs by a private key through eth-account; the key never shows in a repr."""

    __slots__ = ("_key", "address")

    def __init__(self, private_key: bytes) -> None:
        try:
            self.address = address_of_key(private_key)
        except Malformed as error:
            raise BadInput("the account's key is not a private key of 32 bytes") from error
        self._key = private_key

    def sign_transaction(self, fields: Fields) -> bytes:
        """Sign an EIP-1559 transaction."""
        from eth_account import Account

        return bytes(Account.sign_transaction(fields, self._key).raw_transaction)

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a digest that a contract checks (EIP-712): r, s and v."""
        return sign_digest(self._key, digest)

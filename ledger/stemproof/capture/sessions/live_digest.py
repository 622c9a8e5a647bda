"""The digest of what a Live set says, taken from the model that was read.

Views, selections, the order of attributes and renumbered targets are not in the model, so they
cannot change it. The schema's version counts: a set that was only saved by a new Live was upgraded.
"""

from __future__ import annotations

import functools
import hashlib
import marshal
from collections.abc import Callable
from dataclasses import fields
from fractions import Fraction
from operator import attrgetter
from types import NoneType
from typing import Any, Final

from .model import Note, Parameter, Point, Session

# Marshal's second version writes equal values equally; later ones tell shared objects apart.
_MARSHAL: Final = 2
_PLAIN: Final = frozenset({str, int, bool, NoneType})
_LEFT_OUT: Final = frozenset({"digest", "content_digest", "size", "version", "unread"})


def digest_content(session: Session, schema: str) -> str:
    """Digest a session without its own digests and the name of the program's version."""
    digest = hashlib.sha256(schema.encode())
    for one in fields(session):
        if one.name not in _LEFT_OUT:
            value = getattr(session, one.name)
            for part in value if isinstance(value, tuple) else (value,):
                plain: Any = _plain(part)
                digest.update(marshal.dumps(plain, _MARSHAL))
    return digest.hexdigest()


def _plain(value: object) -> object:
    """Turn a part of the model into lists, texts and numbers."""
    if isinstance(value, tuple):
        first = value[0] if value else None
        if isinstance(first, Parameter):
            return [(p.name, p.value) for p in value]
        if isinstance(first, Note):
            return [tuple(note) for note in value]
        if isinstance(first, Point):
            return [(p.at.numerator, p.at.denominator, p.value, p.shape) for p in value]
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Fraction):
        return (value.numerator, value.denominator)
    if type(value) in _PLAIN:
        return value
    kind: Any = type(value)  # a dataclass of the model
    return [v if type(v) in _PLAIN else _plain(v) for v in _stored(kind)(value)]


@functools.cache
def _stored(kind: Any) -> Callable[[object], tuple[object, ...]]:  # typeshed: no dataclass type
    """Give all fields at once."""
    return attrgetter(*(one.name for one in fields(kind)))

"""Addresses that carry a secret, and keys that ask for one: refused before anything is stored or said of them.

In: a text. Out: nothing, or ValueError whose message does not repeat the secret; or a message with its secrets struck out. An
address is written into plans, tables, receipts, cards and logs, so a secret in it could not be taken back. A user before an @
is looked for only behind a scheme: a file may be called `a:b@c.pdf`. Does not know what is secret about a name: an object
called after a password keeps its name. Costs a few microseconds an address.
"""

import re

SECRET_KEYS = re.compile(r"secret|token|passw|credential|(access|api|private)_?key|(^|_)sas(_|$)", re.IGNORECASE)
SIGNED_QUERY = re.compile(
    r"([?&](?:[\w.%-]*(?:signature|credential|secret|passw|token|api_?key|accesskeyid)[\w.%-]*|sig)=)[^&#\s'\"]*", re.IGNORECASE
)
"""A query that is a credential: AWS (v2, v4), Google, Azure (`sig`), and what others call theirs."""
USER_BEFORE_HOST = re.compile(
    r"(?<=://)(?:[^\s/?#@'\"]*@|[^\s/?#@'\":]*:(?!\d*(?:[/?#\s'\"]|$))[^\s@'\"]*@)",
)
"""What stands before an @ in the place of a host, also when the secret holds a slash, as every other secret key of AWS does."""
HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]*\]|[^:@]*)(:\d*)?")
WHERE_SECRETS_BELONG = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an AWS profile in `profile`, or run where an instance role gives "
    "them"
)


def refuse_credentials(address: str) -> str:
    """The address, when it holds none. Raises ValueError for `scheme://user:secret@host` and for a signed query."""
    _, separator, rest = address.partition("://")
    if separator and not HOST_AND_PORT.fullmatch(re.split(r"[/?#]", rest, maxsplit=1)[0]):
        raise ValueError(f"an address with a credential before its host; take it out and {WHERE_SECRETS_BELONG}")
    if SIGNED_QUERY.search(address):
        raise ValueError(
            f"a presigned address, whose query is a credential; give s3://bucket/key or a path, and {WHERE_SECRETS_BELONG}"
        )
    return address


def without_secrets(message: str) -> str:
    """The message, with *** for what `refuse_credentials` would refuse in an address that it quotes."""
    return SIGNED_QUERY.sub(r"\1***", USER_BEFORE_HOST.sub("***@", message))


def asks_for_secret(key: str) -> bool:
    """A config key that would hold a credential."""
    return SECRET_KEYS.search(key) is not None

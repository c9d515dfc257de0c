"""Addresses that carry a secret, and keys that ask for one: refused before anything is stored or said of them.

In: a text. Out: nothing, or ValueError whose message does not repeat the secret. An address is written into plans, tables,
receipts, cards and logs, so a secret in it could not be taken back. Looks only at what has a scheme: a file may be called
`a:b@c.pdf`.
"""

import re

SECRET_KEYS = re.compile(r"secret|token|passw|credential|(access|api|private)_?key|(^|_)sas(_|$)", re.IGNORECASE)
SIGNED = re.compile(
    r"[?&](x-amz-(signature|credential|security-token)|awsaccesskeyid|signature|x-goog-signature|sig|token|access_token|"
    r"api_?key|password)=",
    re.IGNORECASE,
)
"""Query of a presigned or tokened URL: AWS (v4, v2), Google, Azure, and what others call theirs."""
WHERE_SECRETS_BELONG = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name an AWS profile in `profile`, or run where an instance role gives "
    "them"
)


def refuse_credentials(address: str) -> str:
    """The address, when it holds none. Raises ValueError for `scheme://user:secret@host` and for a signed query."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0]:
        raise ValueError(f"a {scheme}:// address with a credential before the @; take it out and {WHERE_SECRETS_BELONG}")
    if SIGNED.search(rest):
        raise ValueError(
            f"a presigned {scheme}:// address, whose query is a credential; give s3://bucket/key and {WHERE_SECRETS_BELONG}"
        )
    return address


def asks_for_secret(key: str) -> bool:
    """A config key that would hold a credential."""
    return SECRET_KEYS.search(key) is not None

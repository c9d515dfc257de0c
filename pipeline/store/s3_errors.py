"""botocore's errors in our words: what happened, why, what to do; one line, no credential in it."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from pipeline.config.addresses import without_secrets
from pipeline.errors import CredentialRefused, ObjectForbidden, ObjectMissing, StoreError

BAD_CREDENTIAL = "the credential was refused ({code}); renew it, or check the access key, its secret and the clock"
REFUSED_CREDENTIALS = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "InvalidAccessKeyId"),
        *("SignatureDoesNotMatch", "RequestTimeTooSkewed"),
    }
)
"""Codes of the S3 API's error list that speak of the credential, never of the object."""
WRONG_REGION = "the bucket is in another region ({code}); set `region` or `endpoint_url`"
BY_CODE: Mapping[str, str] = {
    "NoSuchBucket": "the bucket does not exist; create it or correct the uri",
    "InvalidBucketName": "that is no valid bucket name; correct the uri",
    "PermanentRedirect": WRONG_REGION,
    "AuthorizationHeaderMalformed": WRONG_REGION,
    "301": WRONG_REGION,
    "SlowDown": "the store is overloaded and still was after all retries; use fewer workers or try later",
}


def told(error: Exception, *, uri: str, endpoint_url: str | None) -> StoreError:
    """The StoreError (ObjectMissing for a key that is not there) that stands for an error of botocore."""
    match error:
        case ClientError():
            return _refused(error, uri)
        case ProfileNotFound():
            return StoreError(f"{uri}: {error}; check `profile` and ~/.aws/config")
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return StoreError(
                f"{uri}: no usable credentials; set `profile`, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where an "
                "instance role gives them"
            )
        case HTTPClientError() | ConnectionError():
            server = _without_credentials(endpoint_url) if endpoint_url else "AWS"
            return StoreError(f"{uri}: no answer from {server} ({type(error).__name__}); check `endpoint_url` and the network")
        case BotoCoreError() | ValueError():
            return StoreError(f"{uri}: {_line(error)}; check uri, `endpoint_url`, `region` and `profile`")
        case _:
            raise error


def _refused(error: ClientError, uri: str) -> StoreError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in ("NoSuchKey", "404", "NotFound"):
        return ObjectMissing(f"{uri} does not exist")
    if code in ("AccessDenied", "403", "Forbidden"):
        return ObjectForbidden(f"{uri}: access denied; the credential needs List, Get, Put and Delete on this prefix")
    if code in REFUSED_CREDENTIALS:
        return CredentialRefused(f"{uri}: {BAD_CREDENTIAL.format(code=code)}")
    advice = BY_CODE.get(code)
    if advice:
        return StoreError(f"{uri}: {advice.format(code=code)}")
    message = _line(error.response.get("Error", {}).get("Message", ""))
    return StoreError(f"{uri}: the store refused {error.operation_name} ({code}: {message})")


def _line(text: object) -> str:
    return without_secrets(" ".join(str(text).split()))


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")

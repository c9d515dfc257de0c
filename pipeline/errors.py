"""Every way Pagemill can stop, in one tree. What is not here is data: a page or a document that failed is a row.

    PagemillError
    |-- ConfigError            the configuration or the command line is wrong; nothing was done
    |-- SourceError            a corpus cannot be listed, or one document of it cannot be fetched
    |   `-- DocumentMissing    the listed document is not there (any more), or may not be read where others may
    |       |-- DocumentTooLarge   it would unpack to more than may be held
    |       |-- DocumentDamaged    its archive is broken there
    |       |-- DocumentEncrypted  its archive asks for a password
    |       `-- DocumentUnsupported   it is packed in a way that is not read
    |-- StoreError             the output (or input) store refused or did not answer
    |   |-- ObjectMissing      no object under that key
    |   |-- ObjectForbidden    the bucket's policy or the file mode forbids it
    |   |-- CredentialRefused  the credential has expired, is unknown or its clock is wrong: nothing can be asked with it
    |   `-- StoreUnsafe        the store cannot put once, so two writers could overwrite each other
    |-- EngineError            an engine cannot be opened, or broke its contract
    |   `-- EngineDead         the engine was lost in mid-work; its worker must be replaced
    |-- ClusterError           a Ray cluster did not answer, or does not know the job any more
    |   `-- ClusterRefused     it wants a token, or another one
    |-- BuildError             a build cannot go on: another recipe, another plan, too many lost workers
    |   |-- BuildIncomplete    some shards are missing; running the same command again finishes them
    |   |   |-- BuildStopped   somebody asked the driver to stop; the shards that were in work are committed
    |   |   `-- Overtaken      another version was published meanwhile; the same command publishes on top of it
    |   |-- GateBroken         a version is made and stays unpublished, because a figure of it is out of bounds
    |   |-- JobHeld            a job of the same build is waiting or running on the cluster
    |   |-- LeaseHeld          another driver is at work on the dataset
    |   `-- LeaseLost          another driver has taken over, because this one was not heard of for too long
    `-- VerifyError            the bucket does not hold what the build promised

The message says what happened, why, and what to do about it. `jobs/` prints it on one line; `--debug` shows the traceback.
"""

from typing import ClassVar


class PagemillError(Exception):
    """Root of the tree; `jobs/` turns it into one line and an exit code."""


class ConfigError(PagemillError):
    """Wrong use: a config key, a value, a path or an argument."""


class SourceError(PagemillError):
    """A corpus or a document of it cannot be read, for a cause outside the document's bytes."""


class DocumentMissing(SourceError):
    """One listed document is gone or forbidden; the corpus itself is fine. Becomes a quarantine entry."""

    reason: ClassVar[str] = "missing"
    """Of that entry."""


class DocumentTooLarge(DocumentMissing):
    """An archive, or a member of one, that claims or has more bytes than an honest one; it is not unpacked."""

    reason: ClassVar[str] = "too_large"


class DocumentDamaged(DocumentMissing):
    """An archive that breaks off, or a member that cannot be unpacked."""

    reason: ClassVar[str] = "damaged"


class DocumentEncrypted(DocumentMissing):
    """A member of an archive that asks for a password."""

    reason: ClassVar[str] = "encrypted"


class DocumentUnsupported(DocumentMissing):
    """A member of an archive that is packed by a method which is not read."""

    reason: ClassVar[str] = "unsupported"


class StoreError(PagemillError):
    """The object store refused or did not answer, after the client's own retries."""


class ObjectMissing(StoreError):
    """No object under that key."""


class ObjectForbidden(StoreError):
    """The bucket's policy or the file mode forbids what was asked."""


class CredentialRefused(StoreError):
    """The credential itself is refused: expired, unknown, wrongly signed, or the clock is off. Says nothing of any object."""


class StoreUnsafe(StoreError):
    """The store ignores conditional writes, so exactly-once commits are impossible with more than one writer."""


class EngineError(PagemillError):
    """An engine cannot be opened, or did not give exactly one answer per page."""


class EngineDead(EngineError):
    """The engine was lost in mid-work; the worker that held it must be replaced."""


class ClusterError(PagemillError):
    """A Ray cluster did not answer, or lost what it was asked about."""


class ClusterRefused(ClusterError):
    """The cluster does not accept this client: no token, or a wrong one."""


class BuildError(PagemillError):
    """The build cannot go on as asked."""


class BuildIncomplete(BuildError):
    """Some shards are missing; the same command finishes them."""


class BuildStopped(BuildIncomplete):
    """Somebody asked the driver to stop; what was in work is committed, the same command goes on."""


class Overtaken(BuildIncomplete):
    """Another version was published while this one was made; the same command publishes on top of it."""


class GateBroken(BuildError):
    """A version is made, and stays unpublished: a figure of it is out of bounds."""


class JobHeld(BuildError):
    """A job of the same build is waiting or running on the cluster; this one was not submitted."""


class LeaseHeld(BuildError):
    """Another driver is at work on the dataset; there is nothing to do but leave."""


class LeaseLost(BuildError):
    """Another driver has taken the work over; this one stops. What it has committed stays."""


class VerifyError(PagemillError):
    """The bucket does not hold what the build promised."""

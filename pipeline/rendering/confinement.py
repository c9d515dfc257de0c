"""Limits of a process that opens hostile bytes, so that what they provoke ends with it.

In: how much memory and time a document may take. Out: nothing; the calling process is limited from then on, and may be limited
anew for its next document. The kernel keeps the limits, so they hold in native code as well. Costs 0.1 ms. No cgroup is needed:
an allocation beyond the limit fails in the process that asked for it, which MuPDF reports as an error of the page.

Left alone are open files and file sizes, because the process also runs Ray, which has sockets and logs to write.
"""

import math
import resource
from pathlib import Path

CREDENTIAL_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
)
"""Where stores and hubs look for secrets, or for the way to one. Rendering opens neither."""

WITHOUT_CREDENTIALS = dict.fromkeys(CREDENTIAL_VARIABLES, "")
"""Variables to start a rendering process with. They keep secrets out of its memory, and so out of a stray read; code that runs
in the process could still read the environment of others of the same user."""


def confine_process(*, memory_bytes: int, cpu_s: float) -> None:
    """Lets this process add `memory_bytes` of address space and use `cpu_s` seconds of processor from now on, and write no core
    file. Beyond the first an allocation fails, beyond the second the process is killed by SIGXCPU: that ends a hang even when
    whoever should have watched it is gone."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_AS, _address_space_bytes() + memory_bytes)
    _limit(resource.RLIMIT_CPU, math.ceil(usage.ru_utime + usage.ru_stime + cpu_s))
    _limit(resource.RLIMIT_CORE, 0)


def _address_space_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _limit(which: int, value: int) -> None:
    """Lowers or raises the soft limit only, so that the next document's may be another."""
    hard = resource.getrlimit(which)[1]
    resource.setrlimit(which, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))

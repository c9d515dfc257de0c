"""A Ray cluster to work on: one started on this machine, or a running one.

Token authentication stays as Ray has it by default (on for local clusters since 2.59). The dashboard is not started, and
Ray's own warnings stay in its log folder: the driver's terminal belongs to the build.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType

import ray

from pipeline.config import BuildConfig, VlmConfig

BASE_BYTES = 1_000_000_000
"""A rendered A4 page at 150 dpi is 2.2 MB grey; two shards of two documents with a window of 16 pages each are 0.14 GB a
worker, so this holds seven workers without spilling."""
A4_INCHES = 8.27 * 11.69
CLIMBING_PAGES = 32
"""The most that a ladder has climbing (`engines.ladder.engine.CLIMBERS_AT_MOST`)."""

CPU_ENGINE_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Thread pools that would fight for the cores; engines set their own counts explicitly."""
NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


def object_store_bytes(config: BuildConfig) -> int:
    """What a local cluster's object store should hold: documents and pages on their way, and the images that a ladder or an
    album keeps until their pages are read, which lie there too. DeepSeek-OCR with 256 pages of 6 MB in flight: 2.7 GB a
    worker."""
    if not ((config.ladder or config.images) and isinstance(config.engine, VlmConfig)):
        return BASE_BYTES
    channels = 1 if config.render.channels == "grey" else 3
    page_bytes = config.render.dpi**2 * A4_INCHES * channels
    return BASE_BYTES + int(config.engine.workers * (config.engine.serving.max_pages_in_flight + CLIMBING_PAGES) * page_bytes)


def connect(
    address: str,
    *,
    num_cpus: int,
    object_store_bytes: int,
    environment: Mapping[str, str] = NOTHING_MORE,
    setup_hook: str = "",
) -> None:
    """Starts a cluster on this machine (`local`) with at least `num_cpus` logical CPUs, or joins the one at `address`. Its
    worker processes get `environment`, and first call the function that `setup_hook` names (`module.function`), unless ""."""
    runtime_env: dict[str, object] = {"env_vars": {**CPU_ENGINE_ENVIRONMENT, **environment}}
    if setup_hook:
        runtime_env["worker_process_setup_hook"] = setup_hook
    if address != "local":
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env=runtime_env)
        return
    ray.init(
        address="local",
        num_cpus=num_cpus,
        object_store_memory=object_store_bytes,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env=runtime_env,
    )


def disconnect() -> None:
    """Leaves the cluster; a local one that `connect` started is stopped."""
    ray.shutdown()

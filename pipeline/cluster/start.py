"""A Ray cluster to work on: one started on this machine, or a running one.

Token authentication stays as Ray has it by default (on for local clusters since 2.59). The dashboard is not started, and
Ray's own warnings stay in its log folder: the driver's terminal belongs to the build.
"""

import logging

import ray

OBJECT_STORE_BYTES = 1_000_000_000
"""Local clusters only. A rendered A4 page at 150 dpi is 2.2 MB grey; two shards of two documents with a window of 16 pages
each are 0.14 GB a worker, so this holds seven workers without spilling."""

CPU_ENGINE_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Thread pools that would fight for the cores; engines set their own counts explicitly."""


def connect(address: str, *, num_cpus: int) -> None:
    """Starts a cluster on this machine (`local`) with at least `num_cpus` logical CPUs, or joins the one at `address`."""
    runtime_env = {"env_vars": CPU_ENGINE_ENVIRONMENT}
    if address != "local":
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, runtime_env=runtime_env)
        return
    ray.init(
        address="local",
        num_cpus=num_cpus,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env=runtime_env,
    )


def disconnect() -> None:
    """Leaves the cluster; a local one that `connect` started is stopped."""
    ray.shutdown()

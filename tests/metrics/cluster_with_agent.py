"""A process that holds a local Ray whose agent exports every second; says address and port as JSON, and ends with its stdin."""

import json
import sys

import ray


def main() -> None:
    ray.init(
        address="local",
        num_cpus=4,
        object_store_memory=200_000_000,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _system_config={"metrics_report_interval_ms": 1000},
    )
    (node,) = ray.nodes()
    said = {"address": ray.get_runtime_context().gcs_address, "port": node["MetricsExportPort"]}
    print(json.dumps(said), flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main()

"""A driver for the tests of the lease: holds it in a process of its own, says so, and works until it is told or loses it.

argv: the folder of the dataset, its own name, ttl in seconds. Prints "held FENCE", "refused ..." or "lost ...".
"""

import sys
import time

from pipeline.builds.lease import hold_lease
from pipeline.config import StoreConfig
from pipeline.errors import LeaseHeld, LeaseLost
from pipeline.store import open_store


def main(folder: str, name: str, ttl_s: str) -> None:
    try:
        with hold_lease(open_store(StoreConfig(uri=folder)), owner=name, ttl_s=float(ttl_s)) as lease:
            print(f"held {lease.fence}", flush=True)
            while True:
                lease.check()
                time.sleep(0.02)
    except LeaseHeld as error:
        print(f"refused {error}", flush=True)
    except LeaseLost as error:
        print(f"lost {error}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

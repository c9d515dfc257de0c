"""The same factory spread over Ray actors; the only library room that imports ray.

In: the shards still to do and a BuildConfig. Out: a stream of receipts, and a pulse while nothing finishes. It hands out
shards, waits, retries, replaces lost workers, and renders documents in tasks that may die without taking an engine along.
It knows nothing of pages, rules or prices. Cost: 9 Ray processes and about 0.5 GB on one machine; images travel through
the node's object store and never through the driver.

    start.py          a local cluster, or a connection to a running one
    supervisor.py     run_shards(): the queue of shards over elastic workers
    seats.py          a place for one worker
    worker.py         the actor: one engine, two shards at a time, one commit each
    watch.py          an engine as it is seen from outside
    metrics.py        what is exported, as a table
    meters.py         who counts it
    render_tasks.py   documents to pages in tasks with a deadline and a memory limit
    spread.py         a function over many items by tasks
    jobs.py           Ray's job API: submit, list, follow, stop
"""

from pipeline.cluster.meters import DriverMeters
from pipeline.cluster.spread import over_tasks
from pipeline.cluster.start import connect, disconnect, object_store_bytes
from pipeline.cluster.supervisor import run_shards

__all__ = ["DriverMeters", "connect", "disconnect", "object_store_bytes", "over_tasks", "run_shards"]

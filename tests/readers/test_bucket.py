"""A training run goes on over a network that breaks answers off: the store asks again, and no sample is lost or changed."""

from itertools import count

import pytest

from jobs.drills.network import PATIENCE
from jobs.drills.proxy import FaultProxy, NetworkFault, Request
from pipeline.readers.groups import open_version
from pipeline.readers.order import OrderSettings
from pipeline.readers.row_groups import TableSource
from pipeline.readers.share import Course, World
from pipeline.readers.stream import open_stream, read
from pipeline.store import S3Store
from tests.readers.tables import write_version

pytestmark = pytest.mark.s3
FAULTS: tuple[NetworkFault, ...] = ("truncated_body", "internal_error", "half_closed")


def samples_of(url: str, bucket: str) -> list[dict[str, object]]:
    store = S3Store(bucket=bucket, prefix="lake", endpoint_url=url, profile=None, region=None, patience=PATIENCE)
    table = TableSource(store=store, groups=open_version(store, "v1"), columns=("id", "text"))
    settings = OrderSettings(seed=3, num_lanes=4, groups_per_lane=1, buffer_rows=8)
    stream = open_stream([table], settings=settings, num_epochs=1)
    return list(read(stream, Course(end=stream.end), world=World(), rank=0, worker=0))


def test_an_epoch_over_a_bad_network_is_the_epoch_over_a_good_one(s3_endpoint: str, s3_bucket: str) -> None:
    """Every third answer is cut, refused or broken off."""
    sound = S3Store(bucket=s3_bucket, prefix="lake", endpoint_url=s3_endpoint, profile=None, region=None)
    write_version(sound, ([40, 13], [27], [1, 30]))
    numbers = count(1)

    def strike(request: Request) -> NetworkFault | None:
        number = next(numbers)
        return FAULTS[number // 3 % 3] if request.verb == "GET" and "?list" not in request.path and number % 3 == 0 else None

    proxy = FaultProxy(s3_endpoint, strike, hang_s=0.8)
    try:
        spoiled = samples_of(proxy.url, s3_bucket)
    finally:
        proxy.close()
    assert sum(proxy.struck.values()) >= 3
    assert len(spoiled) == 111
    assert spoiled == samples_of(s3_endpoint, s3_bucket)

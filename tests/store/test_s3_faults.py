"""A bucket behind a proxy that spoils requests and answers: right, or a clear StoreError; never wrong in silence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from jobs.drills.network import ON_LIST, ON_READ, ON_WRITE, PATIENCE, strike_of
from jobs.drills.proxy import NETWORK_FAULTS, FaultProxy, NetworkFault, Request, Strike
from pipeline.errors import CredentialRefused, StoreError
from pipeline.store.s3 import S3Store

pytestmark = pytest.mark.s3
DATA = bytes(range(256)) * 40


@contextmanager
def spoiled(endpoint: str, bucket: str, strike: Strike) -> Iterator[tuple[S3Store, FaultProxy]]:
    proxy = FaultProxy(endpoint, strike, hang_s=0.8)
    try:
        yield direct(proxy.url, bucket), proxy
    finally:
        proxy.close()


def direct(url: str, bucket: str) -> S3Store:
    return S3Store(bucket=bucket, prefix="", endpoint_url=url, profile=None, region=None, patience=PATIENCE)


def first(num_times: int, fault: NetworkFault, verb: str, part: str = "") -> Strike:
    """The first requests with this verb are struck."""
    left = [num_times]

    def strike(request: Request) -> NetworkFault | None:
        if request.verb != verb or part not in request.path or not left[0]:
            return None
        left[0] -= 1
        return fault

    return strike


def test_every_fault_of_the_proxy_strikes_some_kind_of_request() -> None:
    assert {*ON_WRITE, *ON_READ, *ON_LIST} == set(NETWORK_FAULTS)


@pytest.mark.parametrize("fault", sorted(set(ON_WRITE) - {"expired_token"}))
def test_an_object_is_put_once_through_any_one_fault(fault: NetworkFault, s3_endpoint: str, s3_bucket: str) -> None:
    with spoiled(s3_endpoint, s3_bucket, first(1, fault, "PUT")) as (store, proxy):
        assert store.put_once("k", DATA, attempt_id="mine")
        assert proxy.struck == {fault: 1}
        assert not store.put_once("k", b"another", attempt_id="late")
    assert direct(s3_endpoint, s3_bucket).get("k") == DATA


@pytest.mark.parametrize("fault", sorted(set(ON_READ) - {"expired_token"}))
def test_a_body_is_read_right_through_any_one_fault(fault: NetworkFault, s3_endpoint: str, s3_bucket: str) -> None:
    direct(s3_endpoint, s3_bucket).put("k", DATA)
    with spoiled(s3_endpoint, s3_bucket, first(1, fault, "GET")) as (store, proxy):
        assert store.get("k") == DATA
        assert proxy.struck == {fault: 1}


@pytest.mark.parametrize("fault", ["truncated_body", "half_closed"])
def test_a_range_that_is_cut_is_asked_for_again(fault: NetworkFault, s3_endpoint: str, s3_bucket: str) -> None:
    """S3 has no sum of a part: a changed byte of a range is left to TLS, and to the sums of what is read by ranges."""
    direct(s3_endpoint, s3_bucket).put("k", DATA)
    with spoiled(s3_endpoint, s3_bucket, first(1, fault, "GET")) as (store, proxy):
        assert store.get_range("k", 100, 1000) == DATA[100:1100]
        assert proxy.struck == {fault: 1}


@pytest.mark.parametrize("fault", ["truncated_body", "changed_body", "half_closed"])
def test_a_body_that_stays_spoiled_is_an_error(fault: NetworkFault, s3_endpoint: str, s3_bucket: str) -> None:
    direct(s3_endpoint, s3_bucket).put("k", DATA)
    direct(s3_endpoint, s3_bucket).put("sound", DATA)
    with spoiled(s3_endpoint, s3_bucket, first(99, fault, "GET", part="/k")) as (store, _):
        assert store.get("sound") == DATA
        with pytest.raises(StoreError, match=r"k: not whole in 4 tries .*check the network and the object"):
            store.get("k")


@pytest.mark.parametrize("fault", sorted(set(ON_LIST) - {"expired_token"}))
def test_a_listing_is_whole_through_any_one_fault(fault: NetworkFault, s3_endpoint: str, s3_bucket: str) -> None:
    for number in range(5):
        direct(s3_endpoint, s3_bucket).put(f"p/{number}", DATA)
    with spoiled(s3_endpoint, s3_bucket, first(1, fault, "GET", part="?list")) as (store, proxy):
        assert [info.key for info in store.list("p/")] == [f"p/{number}" for number in range(5)]
        assert proxy.struck == {fault: 1}


def test_a_listing_that_stays_garbled_is_an_error_in_our_words(s3_endpoint: str, s3_bucket: str) -> None:
    direct(s3_endpoint, s3_bucket).put("k", DATA)
    with (
        spoiled(s3_endpoint, s3_bucket, first(99, "garbled_listing", "GET")) as (store, _),
        pytest.raises(StoreError, match="the store refused ListObjectsV2"),
    ):
        list(store.list())


@pytest.mark.parametrize("verb", ["GET", "PUT", "HEAD"])
def test_an_expired_credential_is_told_apart_and_read_anew(verb: str, s3_endpoint: str, s3_bucket: str) -> None:
    """A HEAD is refused without a body; a GET after it says why."""
    store_here = direct(s3_endpoint, s3_bucket)
    store_here.put("k", DATA)
    calls: dict[str, Callable[[S3Store], object]] = {
        "GET": lambda store: store.get("k"),
        "PUT": lambda store: store.put("k", DATA),
        "HEAD": lambda store: store.head("k").size_bytes,
    }
    expired = [True]
    with spoiled(s3_endpoint, s3_bucket, lambda request: "expired_token" if expired[0] else None) as (store, _):
        with pytest.raises(CredentialRefused, match=r"the credential was refused \(ExpiredToken\); renew it"):
            calls[verb](store)
        opened = store._connection.client()
        expired[0] = False
        assert calls[verb](store) == calls[verb](store_here)
        assert store._connection.client() is opened


def test_a_refused_credential_is_read_from_its_file_again(
    s3_endpoint: str, s3_bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What renews a profile's keys on disk needs no restart of the build."""
    profile = f"{tmp_path}/credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", profile)
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    write = "[nightly]\naws_access_key_id = {}\naws_secret_access_key = s\nregion = us-east-1\n"
    Path(profile).write_text(write.format("OLD"))
    refused = [True]
    with spoiled(s3_endpoint, s3_bucket, lambda request: "expired_token" if refused[0] else None) as (_, proxy):
        store = S3Store(bucket=s3_bucket, prefix="", endpoint_url=proxy.url, profile="nightly", region=None, patience=PATIENCE)
        with pytest.raises(CredentialRefused):
            store.put("k", DATA)
        Path(profile).write_text(write.format("NEW"))
        refused[0] = False
        store.put("k", DATA)
        signer = store._connection.client()._request_signer
        assert signer._credentials.access_key == "NEW"


@pytest.mark.parametrize("seed", range(2))
def test_under_a_schedule_of_faults_each_key_has_one_writer_and_every_answer_is_right_or_an_error(
    seed: int, s3_endpoint: str, s3_bucket: str
) -> None:
    known: dict[str, bytes] = {}
    with spoiled(s3_endpoint, s3_bucket, strike_of(seed, rate=0.3)) as (store, proxy):
        for number in range(12):
            key, writer = f"k{number % 4}", f"writer {number}"
            data = f"{writer} ".encode() * 99
            with suppress(StoreError):
                if store.put_once(key, data, attempt_id=writer):
                    assert known.setdefault(key, data) == data
            with suppress(StoreError):
                found = store.get(key)
                assert known.setdefault(key, found) == found
        with suppress(StoreError):
            assert {info.key for info in store.list()} >= known.keys()
        assert proxy.struck
    there = direct(s3_endpoint, s3_bucket)
    lies = {info.key: there.get(info.key) for info in there.list()}
    assert known
    assert {key: lies[key] for key in known} == known

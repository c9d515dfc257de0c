"""A document that may not be read, and a credential that may not read any."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.drills.network import PATIENCE
from jobs.drills.proxy import FaultProxy, NetworkFault, Request
from pipeline.config import StoreConfig
from pipeline.errors import CredentialRefused, DocumentMissing, ObjectForbidden, SourceError
from pipeline.sources import list_documents, open_source
from pipeline.store import FolderStore
from tests.sources.place import tar_of, zip_of


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes a folder store deny what a bucket's policy would: reading or looking at keys with this part (root may read all)."""

    def forbid(part: str, *verbs: str) -> None:
        for verb in verbs:
            allowed = getattr(FolderStore, verb)

            def denied(store: FolderStore, key: str, *rest: int, allowed: Callable[..., object] = allowed) -> object:
                if part in key:
                    raise ObjectForbidden(f"may not read {key}: access denied")
                return allowed(store, key, *rest)

            monkeypatch.setattr(FolderStore, verb, denied)

    return forbid


def lay(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        (folder / name).write_bytes(b"x" * (number + 1))


def test_one_forbidden_document_among_others_is_named_and_the_rest_is_read(tmp_path: Path, forbid: Callable[..., None]) -> None:
    lay(tmp_path, "a.pdf", "b.pdf", "c.pdf")
    source = open_source(StoreConfig(uri=str(tmp_path)))
    first, *others = source.scan()
    forbid("a.pdf", "get", "get_range")
    with pytest.raises(DocumentMissing, match=r"a\.pdf: access denied"):
        source.read(first)
    assert [source.read(document) for document in others] == [b"xx", b"xxx"]
    with pytest.raises(DocumentMissing):
        source.read(first)


def test_a_credential_that_may_list_but_not_read_stops_the_build(tmp_path: Path, forbid: Callable[..., None]) -> None:
    lay(tmp_path, "a.pdf", "b.pdf", "c.pdf")
    source = open_source(StoreConfig(uri=str(tmp_path)))
    documents = list(source.scan())
    forbid("", "get", "get_range")
    for document in documents:
        with pytest.raises(SourceError, match="neither may 2 other documents; let the credential read") as caught:
            source.read(document)
        assert not isinstance(caught.value, DocumentMissing)


def test_rights_that_are_lost_on_the_way_stop_the_build(tmp_path: Path, forbid: Callable[..., None]) -> None:
    lay(tmp_path, "a.pdf", "b.pdf")
    source = open_source(StoreConfig(uri=str(tmp_path)))
    first, second = source.scan()
    assert source.read(first) == b"x"
    forbid("", "get", "get_range")
    with pytest.raises(SourceError, match="neither may 1 other documents"):
        source.read(second)


def test_a_corpus_of_one_document_that_may_not_be_read_stops_the_build(tmp_path: Path, forbid: Callable[..., None]) -> None:
    lay(tmp_path, "a.pdf")
    source = open_source(StoreConfig(uri=str(tmp_path / "a.pdf")))
    (document,) = source.scan()
    forbid("", "get", "get_range")
    with pytest.raises(SourceError, match="there is no other that may"):
        source.read(document)


@pytest.mark.parametrize(("name", "pack"), [("m.zip", zip_of), ("m.tar", tar_of)])
def test_a_forbidden_archive_among_documents_is_named_member_by_member(
    name: str, pack: Callable[..., bytes], tmp_path: Path, forbid: Callable[..., None]
) -> None:
    lay(tmp_path, "a.pdf")
    (tmp_path / name).write_bytes(pack(("in.pdf", b"y")))
    config = StoreConfig(uri=str(tmp_path))
    member = next(document for document in open_source(config).scan() if "#" in document.uri)
    forbid(name, "head", "get", "get_range")
    with pytest.raises(DocumentMissing, match="access denied"):
        open_source(config).read(member)


def test_a_list_of_documents_that_may_all_not_be_looked_at_is_no_plan(tmp_path: Path, forbid: Callable[..., None]) -> None:
    lay(tmp_path, "a.pdf", "b.pdf")
    (tmp_path / "list.txt").write_text("a.pdf\nb.pdf\n")
    source = open_source(StoreConfig(uri=str(tmp_path / "list.txt")))
    forbid("a.pdf", "head")
    assert [document.version == "missing" for document in source.scan()] == [True, False]
    forbid("b.pdf", "head")
    with pytest.raises(SourceError, match=r"none of 2 documents of .*list\.txt may be looked at"):
        list(source.scan())


@pytest.mark.s3
def test_an_expired_token_makes_no_document_of_a_list_missing(s3_endpoint: str, s3_bucket: str) -> None:
    """Each is looked up by HEAD, whose refusal has no body and so no reason."""
    store = StoreConfig(uri=f"s3://{s3_bucket}", endpoint_url=s3_endpoint)
    from pipeline.store import open_store

    for name in ("a.pdf", "b.pdf"):
        open_store(store).put(name, b"x")
    open_store(store).put("list.txt", b"a.pdf\nb.pdf\n")

    def strike(request: Request) -> NetworkFault | None:
        return "expired_token" if request.path.endswith(".pdf") else None

    proxy = FaultProxy(s3_endpoint, strike, hang_s=PATIENCE.read_s)
    try:
        source = open_source(StoreConfig(uri=f"s3://{s3_bucket}/list.txt", endpoint_url=proxy.url))
        with pytest.raises(CredentialRefused):
            list(list_documents(source))
    finally:
        proxy.close()

"""Documents to shards: cover, bounds, stability."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.builds.listing import Listing, chosen, document_key, listing_of, rows_beyond
from pipeline.builds.plan import (
    GROUP_ROWS,
    SHARES_PER_WORKER,
    SMALLEST_SHARD,
    BuildPlan,
    bisect,
    decode_plan,
    encode_plan,
    plan_shards,
    shard_of,
)
from pipeline.config import PlanConfig
from pipeline.errors import VerifyError
from pipeline.records import DocumentRef
from tests.tables.samples import NOON, STAMP, document


def new_of(documents: list[DocumentRef], done: set[str]) -> Listing:
    listing = listing_of(documents)
    return chosen(listing, rows_beyond(listing, done))


CONFIG = PlanConfig(shard_bytes=1000, shard_documents=4)
SIZES = st.dictionaries(st.text("abcdef/", min_size=1, max_size=6), st.integers(0, 1500), max_size=25)
DOCUMENTS = SIZES.map(lambda sizes: [document(name, size_bytes=size) for name, size in sizes.items()])


@given(DOCUMENTS)
def test_every_document_is_in_exactly_one_shard(documents: list[DocumentRef]) -> None:
    planned = [d.uri for shard in plan_shards(listing_of(documents), config=CONFIG) for d in shard.documents]
    assert sorted(planned) == sorted(d.uri for d in documents)


@given(DOCUMENTS)
def test_no_shard_is_above_the_target_unless_it_is_one_document(documents: list[DocumentRef]) -> None:
    for shard in plan_shards(listing_of(documents), config=CONFIG):
        assert len(shard.documents) <= CONFIG.shard_documents
        assert len(shard.documents) == 1 or shard.size_bytes <= CONFIG.shard_bytes


@given(DOCUMENTS, st.randoms())
def test_the_order_of_the_listing_does_not_matter(documents: list[DocumentRef], order: random.Random) -> None:
    shuffled = documents.copy()
    order.shuffle(shuffled)
    assert plan_shards(listing_of(shuffled), config=CONFIG) == plan_shards(listing_of(documents), config=CONFIG)


@given(DOCUMENTS, DOCUMENTS)
def test_later_documents_only_add_shards(old: list[DocumentRef], more: list[DocumentRef]) -> None:
    old_shards = plan_shards(listing_of(old), config=CONFIG)
    done = {document_key(d) for shard in old_shards for d in shard.documents}
    new_shards = plan_shards(new_of([*more, *old], done), config=CONFIG)
    assert [d for shard in new_shards for d in shard.documents if document_key(d) in done] == []
    covered = {document_key(d) for shard in (*old_shards, *new_shards) for d in shard.documents}
    assert covered == {document_key(d) for d in (*old, *more)}
    assert not {shard.shard_id for shard in old_shards} & {shard.shard_id for shard in new_shards}


def test_a_changed_document_is_planned_again() -> None:
    old, new = document("a.pdf", version="v1"), document("a.pdf", version="v2")
    assert [shard.documents for shard in plan_shards(new_of([new], {document_key(old)}), config=CONFIG)] == [(new,)]


def test_a_document_listed_twice_is_planned_once() -> None:
    (shard,) = plan_shards(listing_of([document("a.pdf"), document("a.pdf")]), config=CONFIG)
    assert len(shard.documents) == 1


def test_a_giant_document_is_alone() -> None:
    names = {"a": 10, "b": 99_999, "c": 10, "d": 10}
    shards = plan_shards(listing_of([document(n, size_bytes=s) for n, s in names.items()]), config=CONFIG)
    assert [[d.uri[-1] for d in shard.documents] for shard in shards] == [["a"], ["b"], ["c", "d"]]


def test_the_id_of_a_shard_is_the_same_in_every_version_of_pagemill() -> None:
    """Else a resumed build would not know its own shards. Other names of the same bytes and dates do not count."""
    assert shard_of([document("a.pdf"), document("b.pdf")]).shard_id == "9e1440d162ae919c902efea4c1a24284"
    renamed = [document("a.pdf", aliases=("/other",)), document("b.pdf")]
    assert shard_of(renamed).shard_id == shard_of([document("a.pdf"), document("b.pdf")]).shard_id


@given(DOCUMENTS.filter(lambda documents: len(documents) > 1))
def test_halves_of_a_shard_hold_its_documents_in_order(documents: list[DocumentRef]) -> None:
    left, right = bisect(shard_of(documents))
    assert (*left.documents, *right.documents) == tuple(documents)
    assert left.documents
    assert right.documents
    assert bisect(shard_of(documents)) == (left, right)


def test_a_shard_of_one_document_cannot_be_split() -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        bisect(shard_of([document("a.pdf")]))


@settings(deadline=None, max_examples=40)
@given(DOCUMENTS)
def test_a_plan_comes_back_from_its_parquet_as_it_was(documents: list[DocumentRef]) -> None:
    shards = tuple(plan_shards(listing_of(documents), config=CONFIG))
    plan = BuildPlan(stamp=STAMP, input_uri="/corpus", planned_at=NOON, shards=shards)
    assert decode_plan(encode_plan(plan)) == plan


def test_bytes_that_are_no_plan_are_refused() -> None:
    with pytest.raises(VerifyError, match="not a whole Parquet file"):
        decode_plan(b"no plan")


def test_a_plan_for_many_workers_begins_with_small_shards_that_grow_to_the_target() -> None:
    listed = [document(f"{number:05d}.pdf", size_bytes=10) for number in range(4000)]
    shards = plan_shards(listing_of(listed), config=PlanConfig(shard_bytes=960), workers=2)
    sizes = [shard.size_bytes for shard in shards]
    assert sizes[0] == 960 // SMALLEST_SHARD
    assert sizes[:-1] == sorted(sizes[:-1])
    assert max(sizes) == 960
    assert sum(size < 960 for size in sizes) < len(
        plan_shards(listing_of(listed), config=PlanConfig(shard_bytes=960), workers=8)
    )
    done = 0
    for size in sizes:
        assert size <= max(960 // SMALLEST_SHARD, done / (SHARES_PER_WORKER * 2))
        done += size


def test_documents_of_a_plan_that_was_changed_by_hand_are_refused() -> None:
    shards = plan_shards(listing_of([document("a.pdf"), document("b.pdf")]), config=PlanConfig(shard_documents=1))
    swapped = tuple(replace(shard, documents=other.documents) for shard, other in zip(shards, shards[::-1], strict=True))
    data = encode_plan(BuildPlan(stamp=STAMP, input_uri="/corpus", planned_at=NOON, shards=swapped))
    with pytest.raises(VerifyError, match="does not hold the documents it is named after"):
        decode_plan(data)


def test_a_plan_of_more_documents_than_a_row_group_comes_back_whole() -> None:
    listed = [document(f"{number:06d}.pdf", size_bytes=1) for number in range(GROUP_ROWS + 700)]
    shards = plan_shards(listing_of(listed), config=PlanConfig(shard_documents=500))
    plan = BuildPlan(stamp=STAMP, input_uri="/corpus", planned_at=NOON, shards=tuple(shards))
    assert decode_plan(encode_plan(plan)) == plan
    assert plan.num_documents == GROUP_ROWS + 700

"""The workers of a build in this process: the real flow, renderer, engine and commit, and no Ray."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from pipeline.builds.commit import commit_shard
from pipeline.config import BuildConfig
from pipeline.engines import open_engine
from pipeline.flow import build_shard
from pipeline.interfaces import ObjectStore, Source
from pipeline.receipts import Shard, ShardReceipt
from pipeline.records import DocumentRef, PageText, RenderEvent
from pipeline.rendering import render_documents
from pipeline.sources import open_source
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts
from pipeline.tables.pages import encode_pages


def run_shards_here(
    shards: Sequence[Shard],
    config: BuildConfig,
    *,
    stamp: BuildStamp,
    store: ObjectStore,
    known: Collection[str],
    is_draining: Callable[[], bool],
) -> Iterator[ShardReceipt]:
    """In place of `cluster.run_shards`."""
    engine = open_engine(config.engine)
    for shard in shards:
        if is_draining():
            return
        result = build_shard(
            shard,
            source=open_source(config.input),
            render=partial(_render, config=config, known=known),
            engine=engine,
            config=config,
            on_page=_ignore,
        )
        facts = ShardFacts(
            shard_id=shard.shard_id,
            worker="here",
            times=result.times,
            started_at=result.finished_at - timedelta(seconds=result.times.total_s),
            finished_at=result.finished_at,
        )
        documents = ShardDocuments(opened=result.documents, failed=result.failures, known=result.known)
        head = PagesHead(stamp=replace(stamp, engine=engine.name), shard=facts, documents=documents)
        yield commit_shard(store, stamp.build_id, shard.shard_id, encode_pages(result.records, head), attempt_id="here")


def _render(
    documents: Iterable[DocumentRef], source: Source, *, config: BuildConfig, known: Collection[str]
) -> Iterator[RenderEvent]:
    return render_documents(documents, source, config=config.render, known=known)


def _ignore(page: PageText) -> None:
    return

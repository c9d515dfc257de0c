"""The actor that reads shards: one engine, two shards at a time, one commit for each.

In: a Shard. Out: its ShardReceipt, after the pages file lies in the store. It opens source, store and engine where it runs;
only configs travel. Memory: the engine, plus per shard in work its rows, its encoded images when they are kept, and the pages
between rendering and engine.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import ray

from pipeline.album import Album
from pipeline.builds.commit import commit_shard
from pipeline.builds.images import commit_with_images
from pipeline.cluster.render_tasks import RenderTasks
from pipeline.cluster.watch import WatchedEngine
from pipeline.config import BuildConfig, ImagesConfig
from pipeline.engines import open_engine
from pipeline.engines.ladder.engine import LadderEngine
from pipeline.events import WorkerFigures, WorkerOpened
from pipeline.flow import build_shard
from pipeline.interfaces import Engine, Renderer
from pipeline.log_ids import about
from pipeline.quality.assessment import PageAssessor
from pipeline.receipts import Shard, ShardReceipt, ShardResult
from pipeline.records import PageText
from pipeline.sources import open_source
from pipeline.store import open_store
from pipeline.tables.footer import BuildStamp, PagesHead, ShardDocuments, ShardFacts
from pipeline.tables.images import encode_images
from pipeline.tables.pages import encode_pages

LOG = logging.getLogger(__name__)


class Worker:
    """Opened with `open()` and not in the constructor, so that an engine that cannot start says why."""

    def __init__(self, config: BuildConfig, stamp: BuildStamp, known: Collection[str]) -> None:
        """`known` are ids of documents that earlier builds have read."""
        self._config = config
        self._stamp = stamp
        self._known = known
        self._began_s = time.monotonic()

    def open(self) -> WorkerOpened:
        """Opens the engine. Raises EngineError, ConfigError."""
        node_id = ray.get_runtime_context().get_node_id()
        self._name = f"{socket.gethostname()}/{os.getpid()}"
        self._source = open_source(self._config.input)
        self._store = open_store(self._config.output)
        self._render = RenderTasks(self._config.render, known=self._known, node_id=node_id)
        self._engine = WatchedEngine(_open_engine(self._config))
        return WorkerOpened(
            worker=self._name, engine=f"{self._engine.name} {self._engine.version}", seconds=time.monotonic() - self._began_s
        )

    def build(self, shard: Shard) -> ShardReceipt:
        """Reads, judges and commits one shard. Raises EngineDead, StoreError."""
        with about(build_id=self._stamp.build_id, shard_id=shard.shard_id):
            LOG.info("reads a shard of %d documents", len(shard.documents))
            receipt = self._build(shard)
            LOG.info("has committed a shard of %d pages", receipt.num_rows)
            return receipt

    def _build(self, shard: Shard) -> ShardReceipt:
        if self._config.images is not None:
            return self._build_with_images(shard, self._config.images)
        result = self._read(shard, self._render, _ignore)
        pages_file = encode_pages(result.records, self._head(result))
        return commit_shard(self._store, self._stamp.build_id, shard.shard_id, pages_file, attempt_id=uuid4().hex)

    def _build_with_images(self, shard: Shard, images: ImagesConfig) -> ShardReceipt:
        with Album(images, self._config.rules.pages) as album:
            result = self._read(shard, album.watching(self._render), album.hearing(_ignore))
            images_file = encode_images(album.images(result.records), {"pagemill.build": self._stamp.build_id})
        pages_file = encode_pages(result.records, self._head(result))
        return commit_with_images(
            self._store, self._stamp.build_id, shard.shard_id, pages_file, images_file, attempt_id=uuid4().hex
        )

    def _read(self, shard: Shard, render: Renderer, on_page: Callable[[PageText], None]) -> ShardResult:
        return build_shard(shard, source=self._source, render=render, engine=self._engine, config=self._config, on_page=on_page)

    def _head(self, result: ShardResult) -> PagesHead:
        return PagesHead(
            stamp=replace(self._stamp, engine=f"{result.engine} {result.engine_version}"),
            shard=ShardFacts(
                shard_id=result.shard.shard_id,
                worker=self._name,
                times=result.times,
                started_at=result.finished_at - timedelta(seconds=result.times.total_s),
                finished_at=result.finished_at,
            ),
            documents=ShardDocuments(opened=result.documents, failed=result.failures, known=result.known),
        )

    @ray.method(concurrency_group="watch")
    def figures(self) -> WorkerFigures:
        """What it has done so far; answered while shards are read, and only once it is open."""
        return WorkerFigures(
            worker=self._name,
            alive_s=time.monotonic() - self._began_s,
            engine_busy_s=self._engine.busy_s,
            num_pages_read=self._engine.num_pages_read,
            num_pages_in_engine=self._engine.num_pages_held,
        )


def _open_engine(config: BuildConfig) -> Engine:
    """The engine, and the ladder on it when the config has one."""
    engine = open_engine(config.engine)
    if not config.ladder:
        return engine
    assessor = PageAssessor(rules=config.rules.pages, cleaning=config.cleaning, configured_dpi=config.render.dpi)
    return LadderEngine(engine, config.ladder, assessor, open_engine=open_engine)


def _ignore(page: PageText) -> None:
    """Nobody listens to single answers."""

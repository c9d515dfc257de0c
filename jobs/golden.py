"""Reads the golden set for a build, over the workers of a connected cluster, and stores how well it was read."""

from collections.abc import Callable
from functools import partial

from jobs.command_line import code_version
from jobs.journal import journal_of
from pipeline.builds.begin import begin_build, config_of_plan
from pipeline.builds.commit import open_shards, read_receipts
from pipeline.cluster import run_shards
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.golden import find_scores, golden_config, list_golden, put_scores, score_golden
from pipeline.sources import open_source
from pipeline.store import open_store


def is_golden_unread(config: BuildConfig, store: ObjectStore) -> bool:
    """The config names a golden set, and `config.build_id` has no scores of it yet."""
    return config.golden is not None and find_scores(store, config.build_id) is None


def read_golden(config: BuildConfig, store: ObjectStore, *, check: Callable[[], None]) -> None:
    """Reads what is not read yet of the golden set for `config.build_id`, and scores it. `check` is called every second or
    so."""
    golden = golden_config(config)
    source, golden_store = open_source(golden.input), open_store(golden.output)
    plan = begin_build(golden_store, golden, partial(list_golden, source), code_version=code_version())
    todo = open_shards(plan, read_receipts(golden_store, plan.build_id))
    with journal_of(golden_store, plan, num_shards=len(todo)) as journal:
        for event in run_shards(todo, config_of_plan(golden, plan), stamp=plan.stamp, store=golden_store, known=()):
            journal.hear(event)
            check()
    put_scores(store, score_golden(golden_store, source, build_id=config.build_id))

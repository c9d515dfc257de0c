"""The journal of this driver, open while it reads.

In: the plan that is read. Out: a Journal; and a word on stderr when the store would not keep all of it, which ends no build.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.command_line import code_version, process_name
from jobs.logs import say
from pipeline.builds.journal import Journal
from pipeline.builds.journal_lines import DriverBegan
from pipeline.builds.plan import BuildPlan
from pipeline.config.addresses import without_secrets
from pipeline.interfaces import ObjectStore


@contextmanager
def journal_of(store: ObjectStore, plan: BuildPlan, *, num_shards: int) -> Iterator[Journal]:
    began = DriverBegan(process=process_name(), code_version=code_version(), num_shards=num_shards)
    journal = Journal(store, plan.build_id, began)
    try:
        with journal:
            yield journal
    finally:
        if journal.trouble:
            say(f"the journal of build {plan.build_id} has a gap: {without_secrets(journal.trouble)}")

"""What a version may not hold, beside what its rules say: the config's lists, read, and what the dataset has forgotten.

In: the store and a config. Out: a Lists. Their contents stand in a version's inputs as hashes: another list is another version,
the same list in another place is not.
"""

from dataclasses import dataclass

from pipeline.builds.audit import read_forgotten
from pipeline.config import BuildConfig
from pipeline.interfaces import ObjectStore
from pipeline.publishing.benchmarks import read_benchmarks
from pipeline.publishing.takedown import Takedown, read_takedown, with_forgotten
from pipeline.quality.contamination import BenchmarkNgrams


@dataclass(frozen=True, kw_only=True, slots=True)
class Lists:
    takedown: Takedown
    benchmarks: BenchmarkNgrams


def read_lists(store: ObjectStore, config: BuildConfig) -> Lists:
    """Raises ConfigError for a list that cannot be read, VerifyError for a damaged audit entry."""
    return Lists(
        takedown=with_forgotten(read_takedown(config.publish.takedown, config.output), read_forgotten(store)),
        benchmarks=read_benchmarks(config.publish.benchmarks, config.output),
    )

"""Which figures of new builds keep a version from its readers. A limit may change without anything being read again."""

from pydantic import PositiveFloat, PositiveInt

from pipeline.config.values import Fraction, Section


class GatesConfig(Section):
    """Limits of the new builds of a version: absolute ones, and against the median of the builds before them. None switches a
    limit off. A limit is asked only where there is enough to tell: see the last four."""

    kept_fraction_below: Fraction | None = 0.5
    """Of pages that are not blank: those whose text is kept."""
    kept_drop_above: Fraction | None = 0.15
    """The same figure, below the median."""
    failed_fraction_above: Fraction | None = 0.2
    """Of documents that were tried: those that never gave a page."""
    failed_rise_above: Fraction | None = 0.1
    """The same figure, above the median."""
    removed_fraction_above: Fraction | None = 0.2
    """Of the names that were there: those that are not listed any more. A folder that is not mounted removes everything."""
    language_distance_above: Fraction | None = 0.3
    """Half the sum of the differences between two mixes: the share of documents that would have to change their language."""
    length_ratio_above: PositiveFloat | None = 3.0
    """Characters a published document, over their median or under it."""
    pages_per_s_below: PositiveFloat | None = None
    """Of one worker."""
    slowdown_above: PositiveFloat | None = 2.0
    """The median of the same figure, over this one."""
    cost_per_million_pages_above: PositiveFloat | None = None
    """Of pages that were read, in the currency of `prices`; asked where those are set."""
    golden_error_above: Fraction | None = 0.2
    """Character error rate of the golden set, 0..1."""
    golden_rise_above: Fraction | None = 0.02
    """The same figure, above the median."""
    trailing_builds: PositiveInt = 7
    """Builds before the new ones that the median is of."""
    min_trailing_builds: PositiveInt = 3
    """With fewer there is no median, and only the absolute limits hold."""
    min_pages: PositiveInt = 500
    """Fewer new pages, or fewer in a build before, tell nothing of a share of pages or of speed."""
    min_documents: PositiveInt = 100
    """Fewer documents or names tell nothing of a share of those."""

"""BuildConfig: everything a build needs to know, as one frozen value."""

from collections.abc import Mapping
from datetime import date
from typing import Literal, Self

from pydantic import PositiveFloat, PositiveInt, ValidationInfo, field_validator, model_validator

from pipeline.config.engines import EngineConfig, PpocrConfig
from pipeline.config.gates import GatesConfig
from pipeline.config.images import ImagesConfig
from pipeline.config.ladder import Rung, refuse_unfit_rungs
from pipeline.config.prices import PricesConfig
from pipeline.config.rules import RulesConfig
from pipeline.config.values import Address, BuildId, PositiveFraction, QuarantineReason, Section

MINHASH_VALUES = 128
"""Of one signature (`dedup.signatures`)."""


class StoreConfig(Section):
    """Where objects live. Credentials never stand here: they come from the AWS profile, environment or instance role."""

    uri: Address
    """A folder, a file, `s3://bucket/prefix`, or (input only) an archive or a list of URIs (.txt, .csv, .parquet)."""
    endpoint_url: Address | None = None
    """For stores that speak S3 and are not AWS."""
    profile: str | None = None
    """Name of an AWS profile."""
    region: str | None = None


class OutputConfig(StoreConfig):
    single_writer: bool = False
    """Accept a store without conditional writes: then only one driver and no lost worker may ever write."""


class RenderConfig(Section):
    dpi: PositiveFloat = 150.0
    channels: Literal["grey", "rgb"] = "grey"
    max_side_px: PositiveInt = 6000
    max_pixels: PositiveInt = 24_000_000
    """A larger page is scaled down to fit and its row says at which dpi it was read. A0 at 150 dpi is 35 Mpx."""
    max_document_bytes: PositiveInt = 2_000_000_000
    max_document_pages: PositiveInt = 50_000
    """A longer document is quarantined: a crafted one names a million pages in 100 kB, and each page is a row of 36 kB in its
    worker's memory."""
    max_stream_bytes: PositiveInt = 256_000_000
    """What the streams that draw one PDF page may unpack to; a page of CAD drawing has tens of MB."""
    page_deadline_s: PositiveFloat = 60.0
    document_deadline_s: PositiveFloat = 3600.0
    memory_bytes: PositiveInt = 3_000_000_000
    """Address space one rendering task may add; a decompression bomb fails alone."""
    window_pages: PositiveInt = 8
    """Rendered pages that wait for the engine, per shard in work."""


class CleaningConfig(Section):
    remove_furniture: bool = True
    """Take running heads, feet and page numbers out of `text`; what was taken stays in `furniture`."""
    join_hyphens: bool = True


class PlanConfig(Section):
    shard_bytes: PositiveInt = 64_000_000
    """About 500-1000 pages of ordinary PDFs; a larger document gets a shard of its own."""
    shard_documents: PositiveInt = 500


class RetryConfig(Section):
    """Which documents in quarantine the next build tries again."""

    reasons: tuple[QuarantineReason, ...] = ("crashed", "deadline", "missing")
    """What another night can change: a worker that was lost or ran out of memory, a machine that was slow, an object that was
    not there for a moment. The others are of the bytes or of the limits in the config; `--retry-quarantined` tries those."""
    max_attempts: PositiveInt = 3
    """Builds that try a document, the first included; 1 tries nothing again."""


class LeaseConfig(Section):
    """Of `nightly`, `forget`, `gc` and `report`: one of them at a time."""

    ttl_s: PositiveFloat = 60.0
    """A driver that was not heard of for so long is taken to be dead, and the next one takes over."""


class PublishConfig(Section):
    part_bytes: PositiveInt = 640_000_000
    """A part is closed when the text of its documents, published or not, reaches this: a file of 100 to 180 MB, since
    zstd makes real text 3.5 times smaller (`infra/benchmarks/publish.md`)."""
    row_group_bytes: PositiveInt = 64_000_000
    tokenizer: Address | None = None
    """Path or URI of the `tokenizer.json` that fills `token_count`; needs the extra `tokens`. None leaves it null."""
    takedown: Address | None = None
    """A text file, one document id (sha256 hex) or uri a line, that no version may hold; `only ` before one leaves what is like
    it (`publishing.takedown`)."""
    benchmarks: Address | None = None
    """A folder or a file of benchmark texts, .txt, .jsonl or .parquet, that documents are searched for
    (`publishing.benchmarks`); `rules.documents.benchmark_ngrams_above` rejects. Both lists are read like the output."""


class DedupConfig(Section):
    """Which documents say what an earlier one says. Search alone: signatures do not change with it."""

    bands: PositiveInt = 21
    band_rows: PositiveInt = 6
    """Two documents are compared when they agree in all `band_rows` minhash values of one of `bands` bands: with probability
    1 - (1 - J^rows)^bands at Jaccard J; 21 x 6 is .63 at .6, .93 at .7, .99 at .77, 1.0 at .8 and .02 at .3. 25 x 5 finds 95 in
    100 second readings with 1 % of errors where 21 x 6 finds 92, and brings more strangers together."""
    near_threshold: PositiveFraction | None = 0.6
    """Estimated Jaccard of 8-character shingles from which the later document is a duplicate; None looks for none. Two readings
    of a real page with 0.5 % of wrong characters each have .85 on the mean, with 1 % .73, with 2 % .56; unrelated pages at most
    .05 (999 of 1,000)."""
    contained_fraction: PositiveFraction | None = 0.8
    """Of a document's letters, on pages that stand in one earlier document too, from which it is a duplicate; None looks for
    none."""
    min_page_letters: PositiveInt = 200
    """Pages with fewer are too common to prove anything: covers, blank forms, "this page intentionally left blank"."""

    @model_validator(mode="after")
    def _fits_the_signature(self) -> Self:
        if self.bands * self.band_rows > MINHASH_VALUES:
            raise ValueError(
                f"{self.bands} bands of {self.band_rows} rows take {self.bands * self.band_rows} minhash values and a "
                f"signature has {MINHASH_VALUES}; make their product {MINHASH_VALUES} or less"
            )
        return self


class BuildConfig(Section):
    build_id: BuildId = "main"
    """A build is resumed under its own id; a new id reads what no earlier build of the dataset has read."""
    input: StoreConfig
    output: OutputConfig
    render: RenderConfig = RenderConfig()
    engine: EngineConfig = PpocrConfig()
    ladder: tuple[Rung, ...] = ()
    """Tried in this order on pages that were read badly; () reads each page once."""
    cleaning: CleaningConfig = CleaningConfig()
    rules: RulesConfig = RulesConfig()
    images: ImagesConfig | None = None
    """Page images beside the pages; None keeps none."""
    plan: PlanConfig = PlanConfig()
    retry: RetryConfig = RetryConfig()
    lease: LeaseConfig = LeaseConfig()
    gates: GatesConfig = GatesConfig()
    golden: StoreConfig | None = None
    """A folder or prefix of a few documents whose text is known: `letter.pdf`, and `letter.txt` beside it. Every build reads
    them as it reads the corpus, and `gates` watches how well; None reads nothing."""
    prices: PricesConfig | None = None
    """What hours cost; None tells hours alone."""
    publish: PublishConfig = PublishConfig()
    dedup: DedupConfig = DedupConfig()

    @field_validator("build_id", mode="before")
    @classmethod
    def _named_by_a_date(cls, value: object) -> object:
        """YAML reads 2026-11-22 as a date."""
        return value.isoformat() if isinstance(value, date) else value

    @field_validator("engine", mode="before")
    @classmethod
    def _default_engine(cls, values: object) -> object:
        return {"name": "ppocr", **values} if isinstance(values, Mapping) else values

    @field_validator("ladder")
    @classmethod
    def _fits_the_engine(cls, ladder: tuple[Rung, ...], known: ValidationInfo) -> tuple[Rung, ...]:
        if "engine" in known.data:
            refuse_unfit_rungs(ladder, known.data["engine"])
        return ladder

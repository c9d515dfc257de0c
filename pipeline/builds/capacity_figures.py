"""The figures that capacity is computed from: measured ones, with the page of infra/benchmarks and the line that they stand in,
and assumed ones, with the reason.

In: nothing. Out: constants. A test looks into the pages, so a figure that is measured anew is noticed.
"""

from dataclasses import dataclass

SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """A figure as a page of infra/benchmarks spells it."""

    what: str
    number: str
    """As it is spelled there."""
    unit: str
    source: str
    """The page, relative to infra/benchmarks."""
    line: str
    """Part of the line that holds the number."""

    @property
    def value(self) -> float:
        return float(self.number.replace(",", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Assumed:
    """A figure that nobody has measured here."""

    what: str
    value: float
    unit: str
    why: str


DOCUMENT_BYTES = Measured(
    what="driver, planning a later night",
    number="851",
    unit="bytes of memory a document",
    source="scale.md",
    line="| night | 1,000,000 | 231.3 | 53.9 | 1027 | 880 | 851 |",
)
DOCUMENT_S = Measured(
    what="the same, a million documents",
    number="53.9",
    unit="CPU seconds of one thread",
    source="scale.md",
    line=DOCUMENT_BYTES.line,
)
RECEIPT_BYTES = Measured(
    what="driver, receipts in memory",
    number="2174",
    unit="bytes a shard",
    source="scale.md",
    line="| receipts | 100,000 | 13.3 | 8.8 | 446 | 218 | 2174 |",
)
VERDICT_BYTES = Measured(
    what="driver, publishing",
    number="943",
    unit="bytes of memory a document",
    source="publish.md",
    line="| decide | 80,000 | 18.3 | 7.3 | 290 | 91 | 943 |",
)
SIMULATED_PAGES = Measured(
    what="pages of the simulated corpus",
    number="4,919,426",
    unit="pages in 300,000 documents",
    source="scale.md",
    line="simulated, 300,000 documents of 4,919,426 pages, 0 giants",
)
SIMULATED_SHARDS = Measured(
    what="shards that 160 workers cut it into",
    number="9,300",
    unit="shards",
    source="scale.md",
    line="| 160 | 2.4 | 9,300 | 0 | 221.9 | 14.1 | 112 | 97.3% |",
)
EFFICIENCY_PERCENT = Measured(
    what="of a worker's time the engine reads (simulated, 160 workers)",
    number="97.3",
    unit="%",
    source="scale.md",
    line=SIMULATED_SHARDS.line,
)
FRONT_MS = Measured(
    what="rendering, preparing and processing a page, mode auto",
    number="90",
    unit="CPU milliseconds",
    source="front.md",
    line="| auto | 30.6 (31.4) | 5.5 (4.4) | 90 | 11.1 |",
)
GUNDAM_PAGES_PER_S = Measured(
    what="inside vLLM one thread processes, mode gundam",
    number="12",
    unit="pages a second",
    source="front.md",
    line="| gundam | 6.8 (6.5) | 84.1 (85.9) | 145 | 6.9 | 1.45 | 0.33 | 12 |",
)
PPOCR_S = Measured(
    what="ppocr, all scripts, born digital",
    number="1.96",
    unit="CPU seconds a page",
    source="ppocr.md",
    line="| ppocr-all | born digital | 0.553 | 1.96 |",
)
TEXT_MB_PER_S = Measured(
    what="judging, signing and writing text",
    number="4.4",
    unit="MB of text a CPU second",
    source="publish.md",
    line="| anew | 8,675 | 302 | 10 (0) | 91 | 72.3 | 68.9 | 4.4 | 172 |",
)
PART_MB = Measured(what="files of 302 MB of text", number="91", unit="MB", source="publish.md", line=TEXT_MB_PER_S.line)
TEXT_MB = Measured(what="the text in them", number="302", unit="MB", source="publish.md", line=TEXT_MB_PER_S.line)
PAGE_CHARS = Measured(
    what="text of a real page",
    number="2276",
    unit="characters",
    source="dedup.md",
    line="1,544 pages of real text, mean 2276 characters",
)
SIGNATURE_BYTES = Measured(
    what="index of duplicates", number="914", unit="bytes a document", source="dedup.md", line="Index: 914 bytes a document."
)
PLAN_BYTES = Measured(
    what="plan.parquet", number="70", unit="bytes a document", source="requests.md", line="| plan | PUT | plan | 0 | 70 |"
)
MANIFEST_BYTES = Measured(
    what="manifest.json",
    number="792",
    unit="bytes a shard",
    source="requests.md",
    line="| publish | PUT | manifest | 0 | 792 |",
)
MANIFEST_MEMORY_BYTES = Measured(
    what="driver, a manifest encoded and decoded",
    number="4562",
    unit="bytes of memory a shard",
    source="scale.md",
    line="| manifest | 100,000 | 3.8 | 3.3 | 886 | 450 | 4562 |",
)
READ_PUTS = Measured(
    what="receipts put beside pages files",
    number="1",
    unit="a shard",
    source="requests.md",
    line="| read | PUT | receipts | 1 | 792 |",
)
JUDGED_PUTS = Measured(
    what="judged rows put", number="1", unit="a shard", source="requests.md", line="| publish | PUT | _judged | 1 | 15,084 |"
)
JUDGED_GETS = Measured(
    what="judged rows fetched by publishing",
    number="2",
    unit="a shard",
    source="requests.md",
    line="| publish | GET | _judged | 2 |",
)
RECEIPT_GETS = Measured(
    what="receipts fetched by a driver that begins, and by publishing",
    number="1",
    unit="a shard, each",
    source="requests.md",
    line="| resume | GET | receipts | 1 |",
)
PAGE_FILE_BYTES = Measured(
    what="a page in a pages file, line boxes included",
    number="9,158",
    unit="bytes a page, ppocr",
    source="forecast.md",
    line="* ppocr_latin: 42 pages of 9,158 bytes each",
)
FOOTER_BYTES = Measured(
    what="footer of a pages file of 26 documents",
    number="43,154",
    unit="bytes a shard",
    source="forecast.md",
    line="in 10 pages files, and 43,154 bytes of footer a file",
)
MEASURED = (
    *(DOCUMENT_BYTES, DOCUMENT_S, RECEIPT_BYTES, VERDICT_BYTES, SIMULATED_PAGES, SIMULATED_SHARDS, EFFICIENCY_PERCENT),
    *(FRONT_MS, GUNDAM_PAGES_PER_S, PPOCR_S, TEXT_MB_PER_S, TEXT_MB, PART_MB, PAGE_CHARS, SIGNATURE_BYTES, PLAN_BYTES),
    *(
        MANIFEST_BYTES,
        MANIFEST_MEMORY_BYTES,
        READ_PUTS,
        JUDGED_PUTS,
        JUDGED_GETS,
        RECEIPT_GETS,
        PAGE_FILE_BYTES,
        FOOTER_BYTES,
    ),
)

GPU_PAGES_PER_DAY = Assumed(
    what="DeepSeek-OCR on one GPU", value=200_000, unit="pages a day", why="its makers' word for an A100; not measured here yet"
)
INPUT_PAGE_BYTES = Assumed(
    what="documents", value=105_811, unit="bytes a page", why="159 crawled pages; manuals have 7,000, colour scans 240,000"
)
DRIVER_BYTES = Assumed(
    what="memory of the driver's machine", value=64e9, unit="bytes", why="a common size; twice of it, twice the pages"
)
GET_S = Assumed(what="one GET of a small object", value=0.05, unit="seconds", why="a bucket in the same region; 16 run at once")
LIST_S = Assumed(what="one LIST of 1,000 keys", value=0.1, unit="seconds", why="the same; one after another")
PATIENCE_S = Assumed(
    what="a driver that begins again may take", value=3_600, unit="seconds", why="longer, and a crash costs a night"
)
MOST_PUT_BYTES = Assumed(
    what="one PUT of S3", value=5e9, unit="bytes", why="its documented limit; plans and manifests are one PUT each"
)
PREFIX_PUTS = Assumed(
    what="PUTs under one prefix of S3", value=3_500, unit="a second", why="its documented limit before it splits the prefix"
)
PREFIX_GETS = Assumed(what="GETs under one prefix of S3", value=5_500, unit="a second", why="the same")
DRIVEN_WORKERS = Assumed(
    what="workers of one driver",
    value=160,
    unit="workers",
    why="simulated over the real scheduling; of real workers 16 were run at once",
)
ASSUMED = (
    *(GPU_PAGES_PER_DAY, INPUT_PAGE_BYTES, DRIVER_BYTES, GET_S, LIST_S, PATIENCE_S, MOST_PUT_BYTES, PREFIX_PUTS, PREFIX_GETS),
    DRIVEN_WORKERS,
)
PARALLEL_GETS = 16
"""As `builds/commit.py` reads receipts."""
KEYS_PER_LIST = 1_000
PAGES_PER_DOCUMENT = SIMULATED_PAGES.value / 300_000
PAGES_PER_SHARD = SIMULATED_PAGES.value / SIMULATED_SHARDS.value

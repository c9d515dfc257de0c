"""BuildConfig and its parts: plain YAML values in, frozen typed values out; an unknown key is refused with its path.

A config travels to the workers and an engine is opened where it runs, so everything here is plain data. It reads no
environment variable and opens nothing. What changes a page's text is the *recipe* (see `builds.recipe`): `render`, `engine`
(but not its workers and threads) and `cleaning`. Rules, shard sizes and addresses may change without reading a page again.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from pipeline.errors import ConfigError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
BuildId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreConfig(Section):
    """Where objects live. Credentials never stand here: they come from the AWS profile, environment or instance role."""

    uri: str
    """A folder, a file, `s3://bucket/prefix`, or (input only) an archive or a list of URIs (.txt, .csv, .parquet)."""
    endpoint_url: str | None = None
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
    page_deadline_s: PositiveFloat = 60.0
    document_deadline_s: PositiveFloat = 3600.0
    memory_bytes: PositiveInt = 3_000_000_000
    """Address space one rendering task may add; a decompression bomb fails alone."""
    window_pages: PositiveInt = 8
    """Rendered pages that wait for the engine, per shard in work."""


class PpocrConfig(Section):
    """PP-OCR on the CPU, weights from the `rapidocr` wheel."""

    name: Literal["ppocr"] = "ppocr"
    workers: PositiveInt = 1
    threads: PositiveInt = 1
    """Per worker. One worker per core with one thread each reads the most pages."""
    scripts: Literal["all"] | tuple[Literal["latin", "han", "kana"], ...] = "all"
    """`[latin]` cuts the vocabulary (Latin and Greek letters, symbols); a page in another script is noticed, flagged
    `script_mismatch` and read with the whole vocabulary. `kana` is Japanese, kanji included. Pages in any other script are
    rejected as `unreadable_script`."""
    runtime: Literal["auto", "openvino", "onnxruntime"] = "auto"
    precision: Literal["auto", "int8", "f32"] = "auto"
    """Of both networks; "auto" is int8 where the processor has instructions for it, in OpenVINO, f32 elsewhere."""
    detection_scale: Annotated[float, Field(gt=0.0, le=2.0)] = 0.8
    """Detection works on the page scaled by this."""
    squeeze: Annotated[float, Field(gt=0.3, le=1.0)] = 0.8
    """Lines are narrowed by this before recognition."""
    reread_below: Fraction = 0.95
    """Lines under this confidence are read again at full width."""
    window_pages: PositiveInt = 8
    """Pages whose lines share recognition batches, per shard in work. Each takes up to about three times its pixels
    in bytes; with 16 a worker on two shards of mixed scans was measured at 2.5 GB, engine included."""

    @property
    def cpus(self) -> float:
        """Logical CPUs of one worker."""
        return float(self.threads)


class ScriptedConfig(Section):
    """Canned answers with a set timing: tests, drills, scale simulations."""

    name: Literal["scripted"] = "scripted"
    workers: PositiveInt = 1
    seconds_per_page: NonNegativeFloat = 0.0
    fail_every: Annotated[int, Field(ge=0)] = 0
    """Every n-th page (by page hash) fails; 0 never."""
    loop_every: Annotated[int, Field(ge=0)] = 0
    """Every n-th page (by page hash) loops; 0 never."""

    @property
    def cpus(self) -> float:
        """Logical CPUs of one worker."""
        return 1.0


EngineConfig = Annotated[PpocrConfig | ScriptedConfig, Field(discriminator="name")]


class CleaningConfig(Section):
    remove_furniture: bool = True
    """Take running heads, feet and page numbers out of `text`; what was taken stays in `furniture`."""
    join_hyphens: bool = True


class PageRules(Section):
    """Thresholds of the page rules, A4 of the reference; the values are its defaults and where they were measured."""

    blank_ink_below: Fraction = 0.0005
    blank_layer_chars_below: int = 20
    loop_tail_repeats: int = 4
    loop_tail_chars: int = 120
    loop_equal_lines: int = 8
    loop_equal_line_chars: int = 80
    loop_zlib_below: Fraction = 0.15
    loop_zlib_min_chars: int = 1000
    loop_dup_10gram_above: Fraction = 0.30
    loop_dup_10gram_min_words: int = 100
    garbled_above: Fraction = 0.05
    glued_mean_word_chars_above: PositiveFloat = 20.0
    shredded_mean_word_chars_below: PositiveFloat = 2.0
    word_rules_min_words: int = 50
    gibberish_score_below: PositiveFloat = 0.35
    gibberish_min_letters: int = 200
    gibberish_garbled_above: Fraction = 0.02
    low_conf_below: Fraction = 0.60
    low_conf_warn_below: Fraction = 0.80
    low_logprob_below: float = -0.7
    low_logprob_warn_below: float = -0.35
    layer_recall_below: Fraction = 0.5
    layer_precision_below: Fraction = 0.4
    layer_min_chars: int = 200
    """Visible characters; a shorter text layer proves nothing."""
    layer_garbled_below: Fraction = 0.01
    layer_hidden_below: Fraction = 0.1
    """A layer with more characters that are not drawn is an earlier OCR's, and no judge of this one."""
    overfull_tokens_above: PositiveFloat = 10.0
    """Text tokens per vision token."""


class DocumentRules(Section):
    """Thresholds of the document rules, A5 of the reference."""

    min_letters: int = 200
    min_words: int = 50
    failed_page_fraction_above: Fraction = 0.20
    alpha_word_fraction_below: Fraction = 0.5
    mean_word_chars_below: PositiveFloat = 2.5
    mean_word_chars_above: PositiveFloat = 12.0
    dup_line_fraction_above: Fraction = 0.30
    dup_10gram_fraction_above: Fraction = 0.30
    confidence_below: Fraction = 0.6
    language_score_fraction_below: PositiveFloat = 0.45
    languages: tuple[str, ...] = ()
    """Languages to keep, BCP-47; () keeps all."""
    multilingual_share_below: Fraction = 0.5
    """A document whose main language has less than this share of its letters is `mul`."""


class RulesConfig(Section):
    pages: PageRules = PageRules()
    documents: DocumentRules = DocumentRules()


class PlanConfig(Section):
    shard_bytes: PositiveInt = 64_000_000
    """About 500-1000 pages of ordinary PDFs; a larger document gets a shard of its own."""
    shard_documents: PositiveInt = 500


class PublishConfig(Section):
    part_bytes: PositiveInt = 256_000_000
    """A `documents` part is closed when its text reaches this."""
    row_group_bytes: PositiveInt = 64_000_000


class BuildConfig(Section):
    build_id: BuildId = "main"
    """A build is resumed under its own id; a new id reads what no earlier build of the dataset has read."""
    input: StoreConfig
    output: OutputConfig
    render: RenderConfig = RenderConfig()
    engine: EngineConfig = PpocrConfig()
    cleaning: CleaningConfig = CleaningConfig()
    rules: RulesConfig = RulesConfig()
    plan: PlanConfig = PlanConfig()
    publish: PublishConfig = PublishConfig()

    @field_validator("engine", mode="before")
    @classmethod
    def _default_engine(cls, values: object) -> object:
        return {"name": "ppocr", **values} if isinstance(values, Mapping) else values


def load_config(path: Path, settings: Sequence[str] = ()) -> BuildConfig:
    """Reads a YAML file and lays `settings` ("engine.workers=2", values in YAML) over it. Raises ConfigError."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the config {path}: {error.strerror}; give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no mapping at its top level; see configs/quickstart.yaml for the shape")
    for setting in settings:
        values = with_setting(values, setting)
    return parse_config(values)


def with_setting(values: Mapping[str, object], setting: str) -> dict[str, object]:
    """One "dotted.key=value" laid over plain values, as a new mapping. Raises ConfigError."""
    dotted_key, equals, text = setting.partition("=")
    if not equals or not dotted_key:
        raise ConfigError(f"--set {setting!r} is not KEY=VALUE; for example --set engine.workers=2")
    head, dot, rest = dotted_key.partition(".")
    if not dot:
        return {**values, head: yaml.safe_load(text)}
    inner = values.get(head, {})
    if not isinstance(inner, Mapping):
        raise ConfigError(f"--set {setting!r}: {head} is a value, not a section")
    return {**values, head: with_setting(inner, f"{rest}={text}")}


def parse_config(values: Mapping[str, object]) -> BuildConfig:
    """Plain values to a BuildConfig. Raises ConfigError that names each wrong key by its path."""
    try:
        return BuildConfig.model_validate(values)
    except ValidationError as error:
        problems = [_problem(tuple(p for p in e["loc"]), e["type"], e["msg"]) for e in error.errors()]
        raise ConfigError("; ".join(problems)) from error


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    steps = [str(step) for step in location]
    path = ".".join(step for step in steps if step not in ENGINE_SECTIONS)
    if kind == "extra_forbidden":
        known = sorted(_keys_of(steps[:-1]))
        nearest = difflib.get_close_matches(steps[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known keys here: {', '.join(known)}"
        return f"unknown config key {path!r}; {hint}"
    if kind == "missing":
        return f"config key {path!r} is missing"
    return f"config key {path!r}: {message[0].lower()}{message[1:]}"


ENGINE_SECTIONS: Mapping[str, type[Section]] = {"ppocr": PpocrConfig, "scripted": ScriptedConfig}


def _keys_of(steps: Sequence[str]) -> set[str]:
    section: type[Section] = BuildConfig
    for step in steps:
        annotation = ENGINE_SECTIONS.get(step) or section.model_fields[step].annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            section = annotation
    return set(section.model_fields)

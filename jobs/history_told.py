"""A history as lines for people: time, what happened, and below it what is worth a line of its own. In: a History. Out: lines.

Pages that were kept at the first reading are counted and not listed, unless a page was asked for or there are few.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from jobs.progress import duration
from pipeline.builds.journal_lines import DriverBegan, DriverEnded, JournalLine, LinesLost, ShardDone
from pipeline.config.ladder import FIRST
from pipeline.events import ShardGiven, ShardReturned, WorkerFigures, WorkerLost, WorkerOpened
from pipeline.history.entries import (
    BrokenRule,
    Entry,
    Forgotten,
    History,
    KnownAlready,
    NameChanged,
    NotReadYet,
    Opened,
    OtherBytes,
    PageTold,
    Planned,
    Quarantined,
    ShardCommitted,
    ShardPlanned,
    Split,
    Standing,
)
from pipeline.quality.broken_limits import BrokenLimit

FEW_PAGES = 8
SHORT_ID_CHARS = 12
MEGABYTE = 1_000_000


def lines_of(history: History) -> list[str]:
    """The outcome first."""
    told = [line for entry in history.entries for line in _entry_lines(entry)]
    return [history.thing, f"  {history.outcome}", "", *told]


def _entry_lines(entry: Entry) -> Iterator[str]:
    what, *more = _told(entry)
    yield f"{entry.at:%Y-%m-%d %H:%M:%S}  {what}"
    yield from (f"{'':<21}{line}" for line in more)


def _told(entry: Entry) -> list[str]:
    match entry:
        case JournalLine():
            return [f"journal: {_journal_told(entry)}"]
        case Opened():
            return [*_opened_told(entry), *_page_lines(entry.pages)]
        case Standing():
            return _standing_told(entry)
        case ShardCommitted(receipt=receipt):
            rows = f"{receipt.num_rows} pages, {receipt.num_kept} kept, of {receipt.num_documents} documents"
            return [
                f"committed by {receipt.worker}: {rows}; {len(receipt.quarantined)} in quarantine, {receipt.num_known} known",
                f"{duration(receipt.times.total_s)} in all, {receipt.key}",
            ]
        case _:
            return _short_told(entry)


def _short_told(entry: Entry) -> list[str]:
    match entry:
        case Planned():
            names = f", also {', '.join(entry.aliases)}" if entry.aliases else ""
            return [
                f"listed: {entry.uri}, {_size(entry.size_bytes)}{names}",
                f"build {entry.build_id}, shard {entry.shard_id}, version {entry.version}",
            ]
        case ShardPlanned():
            return [f"planned: {entry.num_documents} documents, {_size(entry.size_bytes)}, build {entry.build_id}"]
        case NameChanged(change="renamed"):
            return [f"named {entry.uri} as well: its bytes are those of {entry.of_uri}; build {entry.build_id}"]
        case NameChanged():
            return [f"{entry.change}: {entry.uri}; build {entry.build_id}"]
        case NotReadYet():
            return [f"not read yet: shard {entry.shard_id} of build {entry.build_id} has no receipt"]
        case Split():
            return [f"split: shard {entry.shard_id} kept losing its worker; this half is {entry.split_into[-1]}"]
        case KnownAlready():
            return [f"known: {entry.uri} has the bytes of {entry.doc_id}, read before; build {entry.build_id}"]
        case OtherBytes():
            return [f"replaced: {entry.uri} holds other bytes now, {entry.doc_id}; build {entry.build_id}"]
        case Quarantined():
            times = f"build {entry.build_id}, attempt {entry.num_builds} over builds, {entry.attempts} in this one"
            return [f"quarantine: {entry.reason}; {times}", entry.error]
        case Forgotten():
            return [f"forgotten: {entry.by}, by {entry.who}: {entry.reason or 'no reason given'}"]
        case _:
            return [type(entry).__name__]


def _journal_told(line: JournalLine) -> str:
    match line.event:
        case ShardGiven(worker=worker, attempt=attempt):
            return f"handed to {worker}, attempt {attempt}; driver {line.driver}"
        case ShardReturned(reason=reason, attempt=attempt):
            return f"back in the queue after attempt {attempt}{'' if reason.startswith('worker lost') else f': {reason}'}"
        case ShardDone(worker=worker, num_rows=num_rows, seconds=seconds):
            return f"shard committed by {worker}: {num_rows} pages in {duration(seconds)}"
        case WorkerLost(worker=worker, reason=reason):
            return f"{worker or 'a worker that was opening'}: {reason}"
        case WorkerOpened(worker=worker, engine=engine):
            return f"{worker} opened {engine}"
        case WorkerFigures(worker=worker):
            return f"figures of {worker}"
        case DriverBegan(process=process):
            return f"driver {process} began"
        case DriverEnded(outcome=outcome, reason=reason):
            return f"driver ended: {outcome} {reason}".strip()
        case LinesLost(num_lines=num_lines, reason=reason):
            return f"{num_lines} lines lost: {reason}"


def _opened_told(entry: Opened) -> Iterator[str]:
    read = [page for page in entry.pages if page.seconds]
    seconds = sum(page.seconds or 0.0 for page in read)
    yield f"read by {entry.worker} with {entry.engine}: {entry.num_pages} pages, {seconds:.1f} s of its engine"
    yield f"build {entry.build_id}, shard {entry.shard_id}, {entry.key}"


def _page_lines(pages: Sequence[PageTold]) -> Iterator[str]:
    """Few pages in full; of many, those with something to tell."""
    listed = pages if len(pages) <= FEW_PAGES else [page for page in pages if page.reject or page.attempts or page.error]
    for page in listed:
        yield f"page {page.page_index}: {_page_told(page)}"
        yield from (f"  {rule_told(rule)}" for rule in page.reject if rule.limits)
        for attempt in page.attempts:
            mode = f", {attempt.mode}" if attempt.mode else ""
            reasons = ", ".join(attempt.reasons) or attempt.error
            yield f"  set aside: rung {attempt.rung}{mode}, {attempt.seconds:.1f} s: {reasons}"
    if len(pages) > len(listed):
        yield f"{len(pages) - len(listed)} other pages kept at the first reading"


def _page_told(page: PageTold) -> str:
    verdict = f"rejected ({', '.join(rule.reason for rule in page.reject)})" if page.reject else "kept"
    parts = [
        f"{page.status}, {verdict}",
        f"{page.num_chars} characters",
        f"mode {page.mode}" if page.mode else "",
        f"rung {page.rung}" if page.rung not in (None, FIRST) else "",
        f"{page.seconds:.1f} s" if page.seconds else "",
        f"{page.vision_tokens} vision and {page.output_tokens} output tokens" if page.vision_tokens else "",
        f"confidence {page.confidence:.2f}" if page.confidence is not None else "",
        f"stopped by {page.finish_reason}" if page.finish_reason not in (None, "stop") else "",
        f"warnings {', '.join(page.warnings)}" if page.warnings else "",
        page.error,
    ]
    return ", ".join(part for part in parts if part)


def rule_told(rule: BrokenRule) -> str:
    """`loop: tail_repeats 41 >= 4, tail_repeat_chars 900 >= 120`."""
    return f"{rule.reason}: {', '.join(_limit_told(limit) for limit in rule.limits)}" if rule.limits else rule.reason


def _limit_told(limit: BrokenLimit) -> str:
    return f"{limit.column} {limit.value:.4g} {limit.sign} {limit.threshold:g}"


def _standing_told(entry: Standing) -> list[str]:
    verdict = entry.verdict
    pages = f"{verdict.kept_pages} of {verdict.n_pages} pages"
    head = f"version {entry.version_id}, {entry.state}{f' ({entry.why})' if entry.why else ''}: {verdict.id[:SHORT_ID_CHARS]} "
    if not entry.reject and not entry.part_key:
        first = head + f"kept with {pages}"
    elif not entry.reject:
        first = head + f"published with {pages}, {PurePosixPath(entry.part_key).name} row {entry.row}"
    else:
        first = head + f"left out, {pages} kept: {'; '.join(rule_told(rule) for rule in entry.reject)}"
    duplicate = (
        [f"{verdict.kind} duplicate of {verdict.canonical}, similarity {verdict.similarity:.2f}"]
        if verdict.canonical != verdict.id
        else []
    )
    cluster = [f"stands for a cluster of {verdict.cluster_size} alike"] if verdict.cluster_size > 1 and not duplicate else []
    benchmarks = [f"holds {verdict.benchmark_ngrams} 13-grams of {', '.join(verdict.benchmarks)}"] if verdict.benchmarks else []
    otherwise = [
        f"page {page_index} under its rules: {'; '.join(map(rule_told, rules)) or 'kept'}"
        for page_index, rules in entry.pages_judged_otherwise
    ]
    return [first, *duplicate, *cluster, *benchmarks, *otherwise]


def _size(num_bytes: int) -> str:
    return f"{num_bytes / MEGABYTE:.1f} MB" if num_bytes >= MEGABYTE else f"{num_bytes:,} bytes"

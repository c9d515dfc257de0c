"""A history in one line: what the thing is now. In: its entries, build by build, so that no clock of a worker decides which try
was the last. Out: a sentence. Pure."""

from collections.abc import Sequence

from pipeline.errors import ConfigError
from pipeline.history.entries import (
    BrokenRule,
    Entry,
    Forgotten,
    KnownAlready,
    NameChanged,
    NotReadYet,
    Opened,
    Planned,
    Quarantined,
    ShardCommitted,
    ShardPlanned,
    Standing,
)

Try = Opened | Quarantined | KnownAlready | NotReadYet | ShardCommitted | ShardPlanned
"""An attempt to read it, or one that is still to come."""


def outcome_of(entries: Sequence[Entry]) -> str:
    """What the last attempt to read it has led to; being forgotten goes before everything."""
    forgotten = [each for each in entries if isinstance(each, Forgotten)]
    if forgotten:
        return f"forgotten on {forgotten[-1].at:%Y-%m-%d}, for good"
    tries = [each for each in entries if isinstance(each, Try)]
    return (_after(tries[-1], entries) if tries else "never read") + _gone(entries)


def page_outcome(entries: Sequence[Entry], page_index: int) -> str:
    """Of a page, as it was last read. Raises ConfigError when the document has no such page."""
    read = [each for each in entries if isinstance(each, Opened)]
    if not read:
        return ""
    page = next((page for page in read[-1].pages if page.page_index == page_index), None)
    if page is None:
        raise ConfigError(f"document {read[-1].doc_id} has pages 0 to {read[-1].num_pages - 1}, and no page {page_index}")
    return f"page {page.status}, {f'rejected: {_named(page.reject)}' if page.reject else 'kept'}; its document "


def _after(last: Try, entries: Sequence[Entry]) -> str:
    match last:
        case Opened(build_id=build_id, doc_id=doc_id):
            return _in_latest(entries, doc_id) or f"read in build {build_id}, and in no version that readers have"
        case KnownAlready(doc_id=doc_id):
            return _in_latest(entries, doc_id) or f"another name of document {doc_id}"
        case Quarantined(reason=reason, num_builds=num_builds):
            return f"in quarantine: {reason}, in {num_builds} build{'s' if num_builds > 1 else ''}"
        case NotReadYet(build_id=build_id):
            return f"planned in build {build_id}, and not read yet"
        case ShardPlanned(build_id=build_id):
            return f"planned in build {build_id}, and not read yet"
        case ShardCommitted(receipt=receipt):
            split = f"; split into {' and '.join(receipt.split_into)}" if receipt.split_into else ""
            return f"committed: {receipt.num_rows} pages, {receipt.num_kept} kept{split}"


def _in_latest(entries: Sequence[Entry], doc_id: str) -> str:
    """ "" when the latest version does not know of it."""
    found = [each for each in entries if isinstance(each, Standing) and each.state == "latest" and each.verdict.id == doc_id]
    return _standing(found[-1]) if found else ""


def _standing(each: Standing) -> str:
    if not each.verdict.reject:
        return f"published in version {each.version_id}, the latest"
    if each.verdict.canonical != each.verdict.id:
        return f"not published: version {each.version_id} has {each.verdict.canonical} in its place ({each.verdict.kind})"
    return f"not published: version {each.version_id} leaves it out for {', '.join(each.verdict.reject)}"


def _gone(entries: Sequence[Entry]) -> str:
    """When the last of its names has gone; a build's listing speaks of a name at the time at which the build was planned."""
    spoken = sorted((each for each in entries if isinstance(each, Planned | NameChanged)), key=lambda each: each.at)
    names: set[str] = set()
    for each in spoken:
        if isinstance(each, Planned):
            names |= {each.uri, *each.aliases}
        elif each.change == "removed":
            names.discard(each.uri)
        else:
            names.add(each.uri)
    last = spoken[-1] if spoken else None
    return f"; {last.uri} is gone from the corpus since build {last.build_id}" if last and not names else ""


def _named(rules: Sequence[BrokenRule]) -> str:
    return ", ".join(rule.reason for rule in rules)

"""`pagemill forget`: documents out of everything that is stored, for good, with an entry in the audit."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from jobs.build import spreading
from jobs.command_line import (
    DONE,
    add_config_arguments,
    code_version,
    config_of,
    end_process,
    lease_owner,
    parser_for,
    run_command,
    who,
)
from pipeline.builds.lease import hold_lease
from pipeline.errors import ConfigError
from pipeline.publishing.forget import Forgetting, Order, forget, plan_forgetting
from pipeline.publishing.takedown import NOTHING, Takedown, parse_takedown
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "forget",
        "Take documents, and what says the same, out of pages, judged rows and published versions. Their rows stay, empty. A\n"
        "version without them is published, versions that hold them are withdrawn, and no later build reads them. It cannot\n"
        "be undone. A bucket that keeps old versions of objects keeps them of these, too: expire those there.",
        "pagemill forget configs/nightly.yaml --uri s3://corpus/a.pdf --reason 'request 4711' --dry-run",
    )
    add_config_arguments(parser)
    parser.add_argument("--takedown", metavar="FILE", type=Path, help="one id or uri a line, as in publish.takedown")
    parser.add_argument("--id", metavar="SHA256", action="append", default=[], help="a document's id, repeatable")
    parser.add_argument("--uri", metavar="URI", action="append", default=[], help="all that was read under a name, repeatable")
    parser.add_argument("--reason", default="", help="for the audit")
    parser.add_argument("--dry-run", action="store_true", help="say what would be forgotten and which objects change")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config, takedown = config_of(arguments), takedown_of(arguments)
    store = open_store(config.output)
    with hold_lease(store, owner=lease_owner(), ttl_s=config.lease.ttl_s), spreading() as spread:
        if arguments.dry_run:
            done = plan_forgetting(store, config, takedown, spread=spread)
        else:
            order = Order(
                takedown=takedown,
                who=who(),
                reason=arguments.reason,
                at=datetime.now(UTC),
                code_version=code_version(),
            )
            done = forget(store, config, order, spread=spread)
    print("\n".join(told(done, is_dry=arguments.dry_run)))
    return DONE


def takedown_of(arguments: argparse.Namespace) -> Takedown:
    """What the command line names. Raises ConfigError when it names nothing, or what is neither an id nor a uri."""
    found = parse_takedown([*arguments.id, *arguments.uri], "the command line")
    if arguments.takedown is not None:
        try:
            lines = arguments.takedown.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the takedown list {arguments.takedown}: {error}") from error
        found = found.joined(parse_takedown(lines, str(arguments.takedown)))
    if found == NOTHING:
        raise ConfigError("nothing to forget; give --takedown FILE, --id or --uri")
    return found


def told(done: Forgetting, *, is_dry: bool) -> Iterator[str]:
    """What was done, or would be."""
    yield f"{'would forget' if is_dry else 'forgot'} {len(done.ids):,} documents and {len(done.copies):,} that say the same"
    for doc_id in sorted(done.ids | done.copies):
        yield f"  {doc_id}" + (" (says the same)" if doc_id in done.copies else "")
    for change, number in sorted(Counter(each.change for each in done.changes).items()):
        size_bytes = sum(each.size_bytes for each in done.changes if each.change == change)
        yield f"  {change}: {number:,} objects, {size_bytes:,} bytes"
    if done.version_id is not None:
        yield f"  published without them: version {done.version_id}"


if __name__ == "__main__":
    end_process(main())

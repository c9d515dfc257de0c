"""`pagemill gc`: what no kept version needs. A dry run unless it is told to delete."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

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
from pipeline.interfaces import ObjectStore
from pipeline.publishing.garbage import GarbagePlan, delete_garbage, plan_garbage
from pipeline.store import FolderStore, open_store

SETTLED_H = 24.0


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "gc",
        "Old versions, judged rows and indexes that no kept version needs, and what dead writers have left. Pages, plans,\n"
        "receipts and the audit are never deleted. Says what would go; --delete deletes it.",
        "pagemill gc configs/nightly.yaml --keep 7 --keep-version 2026-10-31",
    )
    add_config_arguments(parser)
    parser.add_argument("--keep", metavar="N", type=int, required=True, help="how many of the newest versions stay, 1 or more")
    parser.add_argument("--keep-version", metavar="V", action="append", default=[], help="one that stays too, repeatable")
    parser.add_argument("--settled-hours", metavar="H", type=float, default=SETTLED_H, help="younger objects stay (default 24)")
    parser.add_argument("--delete", action="store_true", help="delete, and put an audit entry")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    if arguments.keep < 1 or arguments.settled_hours < 0:
        raise ConfigError("--keep is 1 or more, and --settled-hours 0 or more")
    config = config_of(arguments)
    store = open_store(config.output)
    if not arguments.delete:
        print("\n".join(told(plan_of(arguments, store), is_dry=True)))
        return DONE
    with hold_lease(store, owner=lease_owner(), ttl_s=config.lease.ttl_s):
        plan = plan_of(arguments, store)
        delete_garbage(
            store, plan, who=who(), reason=f"--keep {arguments.keep}", at=datetime.now(UTC), code_version=code_version()
        )
    print("\n".join(told(plan, is_dry=False)))
    return DONE


def plan_of(arguments: argparse.Namespace, store: ObjectStore) -> GarbagePlan:
    return plan_garbage(
        store,
        num_kept=arguments.keep,
        also_kept=arguments.keep_version,
        settled_before=datetime.now(UTC) - timedelta(hours=arguments.settled_hours),
        leftovers=store.leftovers() if isinstance(store, FolderStore) else (),
    )


def told(plan: GarbagePlan, *, is_dry: bool) -> Iterator[str]:
    """Objects and bytes by kind."""
    yield f"versions kept: {', '.join(plan.kept) or 'none'}"
    yield f"versions that {'would go' if is_dry else 'went'}: {', '.join(plan.dropped) or 'none'}"
    kinds = sorted({each.kind for each in plan.garbage})
    for kind in kinds:
        sizes = [each.info.size_bytes for each in plan.garbage if each.kind == kind]
        yield f"  {kind}: {len(sizes):,} objects, {sum(sizes):,} bytes"
    if not kinds:
        yield "  nothing to delete"
    elif is_dry:
        yield "  nothing was deleted; --delete does it"


if __name__ == "__main__":
    end_process(main())

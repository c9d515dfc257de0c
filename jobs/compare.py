"""`pagemill compare`: what one version has that another has not."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from jobs.command_line import DONE, add_config_arguments, config_of, end_process, parser_for, run_command
from pipeline.errors import BuildError, ObjectMissing
from pipeline.publishing.compare import Comparison, Figure, compare
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "compare",
        "Two versions of a dataset: documents and pages by reason, which verdicts changed, characters, languages, rules.",
        "pagemill compare configs/nightly.yaml 2026-11-22 2026-11-22.1 --examples 3",
    )
    add_config_arguments(parser)
    parser.add_argument("before", metavar="A", help="a version, as `pagemill log` names it")
    parser.add_argument("after", metavar="B", help="another")
    parser.add_argument("--examples", metavar="N", type=int, default=2, help="documents shown for each change (default 2)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    store = open_store(config_of(arguments).output)
    try:
        found = compare(store, arguments.before, arguments.after, num_examples=arguments.examples)
    except ObjectMissing as error:
        raise BuildError(f"one of the versions is not there ({error}); `pagemill log` lists them") from error
    print(json.dumps(asdict(found), sort_keys=True, ensure_ascii=False) if arguments.json else "\n".join(lines_of(found)))
    return DONE


def lines_of(found: Comparison) -> Iterator[str]:
    """The comparison for people."""
    yield f"{found.before} -> {found.after}"
    for name, builds in (("without build", found.builds_gone), ("with build", found.builds_new)):
        yield from (f"  {name} {build_id}" for build_id in builds)
    yield from (f"  {name}: {told}" for name, told in found.differences.items())
    for name, figures in (
        ("documents", found.documents),
        ("pages", found.pages),
        ("language", found.languages),
        ("characters", {"published": found.num_chars}),
    ):
        yield from _changed(name, figures)
    yield f"  {found.num_unchanged:,} documents with the same verdict"
    for each in found.transitions:
        yield f"  {each.before} -> {each.after}: {each.num_documents:,} documents"
        for example in found.examples:
            if (example.before, example.after) == (each.before, each.after):
                yield f"    {example.file_path}: {' '.join(example.excerpt.split())[:100]}"


def _changed(name: str, figures: Mapping[str, Figure]) -> Iterator[str]:
    for reason, figure in figures.items():
        if figure.before != figure.after:
            yield f"  {name} {reason}: {figure.before:,} -> {figure.after:,}"


if __name__ == "__main__":
    end_process(main())

"""`pagemill verify`: recounts a build from the bucket alone."""

import argparse
from collections.abc import Sequence

from jobs.command_line import DONE, INCOMPLETE, add_config_arguments, config_of, end_process, parser_for, run_command
from pipeline.publishing.verify import BuildReport, verify
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "verify",
        "Recount a dataset from its store alone: every document accounted for once, pages in = rows out, nothing doubled, and "
        "the latest version what its rules make of the pages.",
        "pagemill verify configs/quickstart.yaml",
    )
    add_config_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    report = verify(open_store(config.output), config.build_id)
    for finding in report.findings:
        print(finding)
    for build in report.builds:
        print(told(build))
    version = f"version {report.version_id}: {report.num_documents_published} documents" if report.version_id else "no version"
    state = "published" if report.is_published else "not published"
    print(f"{version}; build {config.build_id} {state}; {len(report.findings)} findings")
    return INCOMPLETE if report.findings or report.num_shards_open else DONE


def told(build: BuildReport) -> str:
    """The sums of one build, which must come out even."""
    return (
        f"build {build.build_id}: {build.num_documents_planned} documents planned = {build.num_documents_opened} opened + "
        f"{build.num_documents_quarantined} in quarantine + {build.num_documents_known} known; "
        f"{build.num_pages} pages = {build.num_pages} rows; {build.num_shards_open} shards open"
    )


if __name__ == "__main__":
    end_process(main())

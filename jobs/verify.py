"""`pagemill verify`: recounts a build from the bucket alone."""

import argparse
import sys
from collections.abc import Sequence

from jobs.command_line import DONE, INCOMPLETE, add_config_arguments, config_of, parser_for, run_command
from pipeline.publishing.verify import verify
from pipeline.store import open_store


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for(
        "verify",
        "Recount a build from its store alone: every document accounted for once, pages in = rows out, nothing doubled.",
        "pagemill verify configs/quickstart.yaml",
    )
    add_config_arguments(parser)
    return run_command(parser, run, argv)


def run(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    report = verify(open_store(config.output), config.build_id)
    for finding in report.findings:
        print(finding)
    print(
        f"build {report.build_id}: {report.num_documents_planned} documents planned = {report.num_documents_opened} opened + "
        f"{report.num_documents_quarantined} in quarantine + {report.num_documents_known} known; "
        f"{report.num_pages} pages = {report.num_pages} rows; "
        f"{report.num_shards_open} shards open; {'published' if report.is_published else 'not published'}; "
        f"{len(report.findings)} findings"
    )
    return INCOMPLETE if report.findings or report.num_shards_open else DONE


if __name__ == "__main__":
    sys.exit(main())

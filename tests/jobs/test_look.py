"""`head`, `stats`, `sql` and `explain` on a published dataset, as a person calls them."""

import json
from pathlib import Path

import pytest

from jobs import explain, head, sql, stats
from jobs.command_line import DONE, WRONG_USE
from tests.builds.factory import CORPUS
from tests.readers.published import publish_into
from tests.tables.samples import opened

NUM_PAGES = sum(opened(document).num_pages for document in CORPUS[:8])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dataset")
    publish_into(folder)
    return str(folder)


def test_head_shows_facts_and_text_of_the_first_rows(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert head.main([dataset, "-n", "2", "--chars", "40"]) == DONE
    shown = capsys.readouterr().out
    assert shown.count("file_path") == 2
    assert "more characters" in shown
    assert head.main([dataset, "--table", "pages", "-n", "3"]) == DONE
    assert capsys.readouterr().out.count("status") == 3


def test_stats_counts_documents_and_pages(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert stats.main([dataset]) == DONE
    shown = capsys.readouterr().out
    assert "documents of version main: 8 rows in 1 files" in shown
    assert f"build        main {NUM_PAGES}" in shown
    assert "reject       none" in shown


def test_sql_asks_the_right_files(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sql.main([dataset, "select build, count(*) as pages from pages group by all"]) == DONE
    shown = capsys.readouterr().out
    assert "main" in shown
    assert str(NUM_PAGES) in shown
    assert sql.main([dataset, "select d.n_pages, p.page from documents d join pages p on p.doc_id = d.id"]) == DONE
    assert sql.main([dataset, "select nothing from documents"]) == WRONG_USE
    assert "DuckDB" in capsys.readouterr().err


def test_explain_tells_a_documents_history_by_name_and_by_page(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.main([dataset, "b.pdf"]) == DONE
    shown = capsys.readouterr().out
    assert "published in version main, the latest" in shown
    assert "listed: /corpus/b.pdf" in shown
    assert explain.main([dataset, f"{opened(CORPUS[1]).doc_id}/0", "--json"]) == DONE
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (read,) = [line for line in lines if line.get("entry") == "Opened"]
    assert [page["page_index"] for page in read["pages"]] == [0]


def test_explain_says_in_one_line_what_it_could_not_find(dataset: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain.main([dataset, "nobody.pdf"]) == WRONG_USE
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "never listed" in said


@pytest.mark.parametrize("command", [head, stats])
def test_a_place_without_a_dataset_is_told_in_one_line(
    command: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(tmp_path)]) == WRONG_USE  # type: ignore[attr-defined]
    assert "nothing is published" in capsys.readouterr().err

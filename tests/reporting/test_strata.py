"""Which pages a report shows: every kind there is, the same ones whenever it is made, and never more than it may hold."""

import dataclasses
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.config import PageRules
from pipeline.quality.rule_table import REJECT_RULES, comparisons
from pipeline.quality.rules import evidence_of
from pipeline.records import PageRecord
from pipeline.reporting.page_signals import FACTS, JUDGED, FileSignals, build_signals
from pipeline.reporting.strata import QUOTAS, choose_pages, deciding_pages
from pipeline.store import FolderStore
from tests.reporting.made_builds import BUILD_ID, put_pages, random_pages, random_rules

RECORDS = random_pages(40, seed=3)
RULES = PageRules()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Sequence[FileSignals]:
    store = FolderStore(root=tmp_path_factory.mktemp("chosen"))
    put_pages(store, RECORDS)
    return list(build_signals(store, BUILD_ID))


def chosen_ids(files: Sequence[FileSignals], *, max_pages: int = 200, seed: str = "x") -> list[str]:
    return [each.page_id for each in choose_pages(files, RULES, seed=seed, max_pages=max_pages)]


def test_every_reason_rung_mode_and_language_is_shown_by_its_quota(files: Sequence[FileSignals]) -> None:
    chosen = set(chosen_ids(files))
    shown = [record for record in RECORDS if str(record.page_id) in chosen]
    for kind, names_of in (
        ("reason", lambda record: record.reject),
        ("rung", lambda record: () if record.page is None or record.page.rung == "first" else (record.page.rung,)),
        ("mode", lambda record: () if record.page is None or record.page.mode is None else (record.page.mode,)),
        ("language", lambda record: (record.signals.language,) if record.status == "ok" else ()),
    ):
        for name in {name for record in RECORDS for name in names_of(record)}:
            there = sum(name in names_of(record) for record in RECORDS)
            assert sum(name in names_of(record) for record in shown) >= min(there, QUOTAS[kind]), (kind, name)


def test_the_least_sure_of_the_kept_pages_are_shown(files: Sequence[FileSignals]) -> None:
    kept = [each for each in RECORDS if each.status == "ok" and not each.reject and each.page and each.page.confidence]
    least = min(kept, key=lambda record: record.page.confidence if record.page and record.page.confidence else 1.0)
    assert str(least.page_id) in chosen_ids(files)


def test_the_choice_depends_on_the_seed_and_not_on_the_order_of_files(files: Sequence[FileSignals]) -> None:
    shuffled = list(files)
    random.Random(1).shuffle(shuffled)
    assert chosen_ids(shuffled) == chosen_ids(files)
    assert chosen_ids(files, seed="y") != chosen_ids(files)


def test_no_more_pages_than_asked_for_and_rare_kinds_first(files: Sequence[FileSignals]) -> None:
    chosen = choose_pages(files, RULES, seed="x", max_pages=30)
    assert len(chosen) == 30
    reasons = {reason for record in RECORDS for reason in record.reject}
    assert {stratum.name for each in chosen for stratum in each.strata if stratum.kind == "reason"} == reasons


def test_a_forgotten_page_is_never_shown(tmp_path: Path) -> None:
    store = FolderStore(root=tmp_path)
    put_pages(store, [dataclasses.replace(record, status="forgotten", reject=()) for record in RECORDS[:6]])
    assert choose_pages(build_signals(store, BUILD_ID), RULES, seed="x", max_pages=10) == []


def record_of(page_id: str) -> PageRecord:
    return next(record for record in RECORDS if str(record.page_id) == page_id)


def test_facts_in_columns_are_those_that_rules_judge_by(files: Sequence[FileSignals]) -> None:
    for row in (row for file in files for row in file.table.to_pylist()):
        record = record_of(row["id"])
        is_judged = record.page is not None and record.page.status == "ok" and record.facts is not None
        assert row[JUDGED] == is_judged
        if record.page is not None and record.facts is not None:
            facts = {name for bit, name in enumerate(FACTS) if row["facts"] >> bit & 1}
            assert facts == set(evidence_of(record.facts, record.page, record.signals).facts) - {"may_repeat"}


def test_a_page_decided_by_a_threshold_is_one_whose_rule_turns_with_it(files: Sequence[FileSignals]) -> None:
    rules = random_rules(random.Random(5), ["low_conf_below", "garbled_above", "word_rules_min_words", "gibberish_min_letters"])
    for condition in REJECT_RULES.values():
        for compared in comparisons(condition):
            for file in files:
                told = deciding_pages(condition, compared, file.table, rules)
                for row, is_decided in zip(file.table.to_pylist(), told, strict=True):
                    record = record_of(row["id"])
                    if not row[JUDGED] or record.page is None or record.facts is None:
                        assert not is_decided
                        continue
                    evidence = evidence_of(record.facts, record.page, record.signals)
                    verdicts = {
                        condition.holds(
                            dataclasses.replace(evidence, numbers={**evidence.numbers, compared.signal: value}), rules
                        )
                        for value in (-1e12, 1e12)
                    }
                    if sum(each.signal == compared.signal for each in comparisons(condition)) == 1:
                        assert is_decided == (len(verdicts) == 2)

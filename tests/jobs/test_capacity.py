"""The capacity page: computed, true to its sources, and the same in the repository."""

from pathlib import Path

import pytest

from jobs.capacity import main, page_of
from pipeline.builds.bounds import bounds
from pipeline.builds.capacity import DEEPSEEK, PPOCR, ExamplePrices, need_of
from pipeline.builds.capacity_figures import MEASURED, Measured

INFRA = Path(__file__).resolve().parent.parent.parent / "infra"


def test_the_page_in_the_repository_is_the_one_that_is_computed() -> None:
    assert (INFRA / "capacity.md").read_text(encoding="utf-8") == page_of(ExamplePrices())


@pytest.mark.parametrize("figure", MEASURED, ids=lambda figure: figure.what)
def test_every_measured_figure_stands_where_it_says(figure: Measured) -> None:
    page = (INFRA / "benchmarks" / figure.source).read_text(encoding="utf-8")
    assert figure.line in page
    assert figure.number in figure.line


def test_a_million_pages_in_a_day_take_what_the_worked_example_says() -> None:
    need = need_of(1e6, 1.0, DEEPSEEK)
    assert need.num_workers == 6
    assert need.gpu_hours == pytest.approx(24 * 1e6 / (200_000 * 0.973))
    assert need.cpu_hours == pytest.approx(2 * need.gpu_hours)


def test_twice_the_pages_in_twice_the_days_take_the_same_workers_and_twice_the_money() -> None:
    once, twice = need_of(1e8, 10.0, PPOCR), need_of(2e8, 20.0, PPOCR)
    assert twice.num_workers == once.num_workers
    assert twice.worker_cost(ExamplePrices()) == pytest.approx(2 * once.worker_cost(ExamplePrices()))


def test_more_pages_meet_every_bound_and_the_first_comes_first() -> None:
    found = bounds()
    assert [bound.num_pages for bound in found] == sorted(bound.num_pages for bound in found)
    assert all(1e6 < bound.num_pages < 1e12 for bound in found)


def test_prices_are_arguments(tmp_path: Path) -> None:
    page = tmp_path / "capacity.md"
    assert main(["--gpu-hour", "4", "--currency", "EUR", "--out", str(page)]) == 0
    assert "4 EUR a GPU-hour" in page.read_text(encoding="utf-8")
    assert "| a million pages, EUR | 500 | 500 | 500 |" in page.read_text(encoding="utf-8")

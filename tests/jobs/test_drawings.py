"""What benchmarks draw: PDFs that open, and charts that are XML."""

from pathlib import Path
from xml.etree import ElementTree

import pymupdf

from jobs.bench_memory import Run, panel_of, ray_figures, table_of
from jobs.chart import MAX_POINTS, Curve, Panel, draw
from jobs.drawn_pdf import pdf_of
from jobs.process_memory import Sample


def test_a_drawn_pdf_opens_without_repair_and_each_page_says_which_it_is() -> None:
    with pymupdf.open(stream=pdf_of(7, seed=3)) as pdf:
        assert not pdf.is_repaired
        assert [page.get_text().splitlines()[0] for page in pdf] == [f"Document 3, page {page + 1}." for page in range(7)]
    assert pdf_of(7, seed=3) == pdf_of(7, seed=3) != pdf_of(7, seed=4)


def test_a_chart_holds_a_curve_for_each_name_and_keeps_its_peak() -> None:
    points = [(float(x), 900.0 if x == 777 else 1.0) for x in range(5000)]
    picture = draw([Panel(title="a < b", x_label="s", y_label="MB", curves=[Curve(name="driver & co", points=points)])])
    root = ElementTree.fromstring(picture)
    (curve,) = (each for each in root.iter() if each.tag.endswith("polyline"))
    places = [tuple(map(float, place.split(","))) for place in curve.attrib["points"].split()]
    assert len(places) <= MAX_POINTS
    heights = [y for _, y in places]
    assert heights.count(min(heights)) == 1
    assert "driver &amp; co" in picture


def test_growth_shows_in_the_last_quarter() -> None:
    samples = [
        Sample(at_s=float(second), own_bytes={"driver": 1_000_000 * second}, resident_bytes={"driver": 2_000_000 * second})
        for second in range(8)
    ]
    watched = Run(title="t", elapsed_s=8.0, num_pages=1, samples=samples, ray={"bytes spilled": 0})
    assert "| driver | 1 / 3 / 5 / 7 | 14 |" in table_of(watched)
    assert panel_of(watched).curves[0].points[-1] == (7.0, 7.0)


def test_what_ray_says_of_its_store_is_read_from_its_state_file(tmp_path: Path) -> None:
    assert ray_figures(tmp_path) == {}
    logs = tmp_path / "ray" / "session_latest" / "logs"
    logs.mkdir(parents=True)
    (logs / "debug_state.txt").write_text("- num bytes currently spilled: 12\n- num local plasma objects: 3\n")
    assert ray_figures(tmp_path) == {"bytes spilled": 12, "objects in the store": 3}

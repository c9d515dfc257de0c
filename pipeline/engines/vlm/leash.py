"""vLLM's engine process ends with the process that opened it, even when that one is killed.

vLLM's EngineCore outlives a parent that gets SIGKILL (seen with 0.32: still there after 12 s) and keeps the GPU's memory, so
that the worker which replaces a lost one could not open its model. The kernel can end it instead. `Leash` is mixed into
vLLM's worker class by `worker_extension_cls` and runs in that process; with one GPU to an engine, worker and EngineCore are
one process. It says nothing to other users of vLLM in the same environment. Linux only, as vLLM is.
"""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that the calling process gets when the thread that started it ends."""
LEASH_CLASS = "pipeline.engines.vlm.leash.Leash"


class Leash:
    """Methods that `AsyncLLM.collective_rpc` can call in vLLM's process."""

    def end_with_parent(self, parent_pid: int) -> bool:
        """Asks the kernel for SIGKILL when the parent ends. False when the parent is not `parent_pid` (any more)."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
        return os.getppid() == parent_pid

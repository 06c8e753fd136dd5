"""Warming: compiles kernels in processes of their own, once a machine, while runs train on what is ready."""

from __future__ import annotations

import subprocess

from playground.training.backends import GPU_CANNOT_BE_COMPILED_FOR
from playground.training.trainer import Trainer


class Warming:
    """Tells a session where a run can start at once, and moves the run when better kernels are there."""

    def __init__(self) -> None:
        self._cpu: subprocess.Popen[bytes] | None = None
        self._gpu: subprocess.Popen[bytes] | None = None
        self._gpu_fails = False

    @property
    def busy(self) -> bool:
        """Whether something is being compiled, so that `look_after` will have news."""
        return self._cpu is not None or self._gpu is not None

    def backend(self) -> str:
        """The backend to start with: NumPy while a subprocess compiles the CPU's kernels for the first time."""
        from playground.kernels.cpu import warm

        if self._cpu is None and not warm.is_warm():
            self._cpu = warm.start_warming()
        if self._cpu is not None:
            return "reference"
        return "cpu" if self._gpu_fails else "auto"

    def warm_gpu_for(self, trainer: Trainer) -> None:
        """Compile the GPU's kernels if a run may be faster there."""
        if trainer.choice.waits and self._gpu is None:
            from playground.kernels.cuda import warm

            self._gpu = warm.start_warming()

    def look_after(self, trainer: Trainer | None) -> bool:
        """Move the present run to what has been compiled since; whether there was something to be done."""
        changed = False
        if self._cpu is not None and self._cpu.poll() is not None:
            self._cpu = None
            if trainer is not None:
                trainer.switch_backend("cpu")
                trainer.choose_backend(may_compile=False)
                self.warm_gpu_for(trainer)
                changed = True
        if self._gpu is not None and self._gpu.poll() is not None:
            self._gpu_fails = self._gpu.returncode != 0
            self._gpu = None
            if trainer is not None:
                if self._gpu_fails:
                    trainer.stay_on_cpu(GPU_CANNOT_BE_COMPILED_FOR)
                else:
                    trainer.choose_backend(may_compile=False)
                changed = True
        return changed

    def end(self) -> None:
        """End what is being compiled, and wait for it."""
        for process in (self._cpu, self._gpu):
            if process is not None:
                process.terminate()
                process.wait()

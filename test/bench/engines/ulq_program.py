"""ulq itself, on any of its targets, with its own choice of kernels or with those of one family."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from engines.base import NEXT, Job, NotTaken, Peer, Session, Unusable, sample


class UlqProgram(Peer):
    def __init__(self):
        super().__init__("ulq", "ulq", "ulq", "bits")

    def honours(self, limit: str) -> bool:
        return True

    def load(self, path: str, job: Job) -> Session:
        import ulq

        try:
            family = job.family
            if family == NEXT:
                family = next((layer.runner_up for layer in _products(_program(path, job, ""))), "").split(" ")[0]
                if not family:
                    raise NotTaken("no other kernel")
            program = _program(path, job, family)
            if family and any(layer.kernel != family for layer in _products(program)):
                raise NotTaken(f"no {family}")
            program.threads = job.threads
            image = {tensor.name: sample(tensor.shape) for tensor in program.inputs}
            program.run(image)
        except ulq.UlqError as error:
            raise Unusable(str(error)) from None
        first = program.outputs[0].name
        return Session(
            lambda: program.run(image),
            lambda: program.run(image)[first].astype(np.float32),
            tuple(dict.fromkeys(layer.kernel for layer in _products(program))),
        )


def _products(program) -> list:
    return [layer for layer in program.layers if layer.weight_bytes]


def _program(path: str, job: Job, family: str):
    """The model compiled; a process that only has other threads loads what the first one saved."""
    import ulq
    from ulq.compile import compile_stages

    key = hashlib.sha256(f"{path} {job.limit} {family}".encode()).hexdigest()[:16]
    saved = Path(job.scratch, f"{key}.vmfb")
    if not saved.is_file():
        compile_stages(path, job.limit, None, None, False, lambda stage: None, family=family).save(saved)
    return ulq.load(saved)

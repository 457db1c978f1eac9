"""OpenVINO, CPU plugin, one stream. Its oneDNN listens to ONEDNN_MAX_CPU_ISA."""

from __future__ import annotations

import numpy as np

from engines.base import HOST, ONEDNN_LEVELS, Job, Peer, Session, onednn_environment, sample


class OpenVino(Peer):
    def __init__(self, name: str, title: str, form: str):
        super().__init__(name, title, "openvino", form)

    def honours(self, limit: str) -> bool:
        return limit == HOST or limit in ONEDNN_LEVELS

    def environment(self, limit: str) -> dict[str, str]:
        return onednn_environment(limit)

    def load(self, path: str, job: Job) -> Session:
        import openvino

        options = {
            "INFERENCE_NUM_THREADS": job.threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # fp32 means fp32: on a CPU with AMX the default would be bfloat16.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(path), "CPU", options)
        request = compiled.create_infer_request()
        for index, port in enumerate(compiled.inputs):
            request.set_input_tensor(index, openvino.Tensor(sample(tuple(port.shape))))

        def output() -> np.ndarray:
            request.infer()
            return request.get_output_tensor(0).data.astype(np.float32)

        return Session(request.infer, output)

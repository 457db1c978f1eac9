"""ONNX Runtime, CPU provider. Its kernels (MLAS) ask the CPU themselves and take no advice."""

from __future__ import annotations

import numpy as np

from engines.base import Job, Peer, Session, sample


class OnnxRuntime(Peer):
    def __init__(self, name: str, title: str, form: str):
        super().__init__(name, title, "onnxruntime", form)

    def load(self, path: str, job: Job) -> Session:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()  # no copies of inputs and outputs are timed
        for source in session.get_inputs():
            binding.bind_cpu_input(
                source.name, sample(tuple(dim if isinstance(dim, int) else 1 for dim in source.shape))
            )
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")

        def output() -> np.ndarray:
            session.run_with_iobinding(binding)
            return binding.copy_outputs_to_cpu()[0].astype(np.float32)

        return Session(lambda: session.run_with_iobinding(binding), output)

"""IREE without ulq: its own ONNX import and its own code for convolutions and matrix products."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from engines.base import HOST, LLVM_CPUS, Job, Peer, Session, Unusable, sample


class IreeAlone(Peer):
    def __init__(self, name: str, title: str, form: str):
        super().__init__(name, title, "iree-base-compiler", form)

    def honours(self, limit: str) -> bool:
        return limit == HOST or limit in LLVM_CPUS

    def load(self, path: str, job: Job) -> Session:
        import iree.runtime as rt
        import onnx

        program = Path(job.scratch, f"{Path(path).stem}.{self.name}.{job.limit}.vmfb")
        if not program.is_file():
            self._compile(path, program, LLVM_CPUS.get(job.limit, HOST))
        if job.threads > 1:
            rt.flags.parse_flags(f"--task_topology_group_count={job.threads}")
        driver = "local-sync" if job.threads == 1 else "local-task"
        device = rt.get_driver(driver).create_default_device(allocators=["caching"])
        instance = rt.VmInstance()
        module = rt.VmModule.mmap(instance, str(program))
        context = rt.VmContext(instance, [rt.create_hal_module(instance, device), module])
        graph = onnx.load(path, load_external_data=False).graph
        function = module.lookup_function(graph.name)
        views = [
            device.allocator.allocate_buffer_copy(
                memory_type=rt.MemoryType.DEVICE_LOCAL,
                allowed_usage=rt.BufferUsage.DEFAULT,
                device=device,
                buffer=sample(tuple(dim.dim_value for dim in info.type.tensor_type.shape.dim)),
                element_type=rt.HalElementType.FLOAT_32,
            )
            for info in graph.input
        ]

        def call() -> rt.VmVariantList:
            arguments, results = rt.VmVariantList(len(views)), rt.VmVariantList(len(graph.output))
            for view in views:
                arguments.push_ref(view)
            context.invoke(function, arguments, results)
            return results

        def output() -> np.ndarray:
            result = rt.DeviceArray(device, call().get_as_object(0, rt.HalBufferView), implicit_host_transfer=True)
            return np.array(result, np.float32)

        return Session(call, output)

    def _compile(self, path: str, program: Path, cpu: str) -> None:
        text, part = program.with_suffix(".mlir"), program.with_suffix(".part")
        # Imported at an operator set that IREE's lowerings know.
        _run("iree-import-onnx", path, "-o", str(text), "--opset-version", "17")
        _run(
            "iree-compile",
            str(text),
            "-o",
            str(part),
            "--iree-hal-target-device=local",
            "--iree-hal-local-target-device-backends=llvm-cpu",
            f"--iree-llvmcpu-target-cpu={cpu}",
            "--iree-opt-level=O3",
        )
        part.replace(program)


def _run(tool: str, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines()
        reason = next((line for line in lines if "error:" in line), lines[-1] if lines else f"status {done.returncode}")
        raise Unusable(f"{tool} failed: {reason[-160:]}")

"""The engines by name. An engine is one file of this folder and one row here."""

from engines.base import HOST, LLVM_CPUS, NEXT, Engine, Job, NotTaken, Session, Unusable, installed
from engines.iree_alone import IreeAlone
from engines.litert import LiteRT
from engines.ort import OnnxRuntime
from engines.ov import OpenVino
from engines.torch_int8 import TorchInt8
from engines.ulq_program import UlqProgram

ENGINES: dict[str, Engine] = {
    engine.name: engine
    for engine in (
        UlqProgram(),
        OpenVino("ov-int8", "OpenVINO int8", "int8"),
        OnnxRuntime("ort-int8", "ONNX Runtime int8", "int8"),
        LiteRT(),
        TorchInt8("torch-onednn", "torch onednn int8", "onednn"),
        TorchInt8("torch-qnnpack", "torch QNNPACK int8", "qnnpack"),
        IreeAlone("iree-int8", "IREE alone int8", "int8"),
        OpenVino("ov-fp32", "OpenVINO fp32", "fp32"),
        OnnxRuntime("ort-fp32", "ONNX Runtime fp32", "fp32"),
        IreeAlone("iree-fp32", "IREE alone fp32", "fp32"),
        OnnxRuntime("ort-same", "ONNX Runtime, same file", "same"),
    )
}

__all__ = ["ENGINES", "HOST", "LLVM_CPUS", "NEXT", "Engine", "Job", "NotTaken", "Session", "Unusable", "installed"]

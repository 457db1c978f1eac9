"""ulq compiles quantized ONNX models to packed 1-8-bit CPU code.

program = ulq.compile("model.onnx", target="host")
outputs = program.run({"input": x})
program.save("model.vmfb")
program = ulq.load("model.vmfb")
print(program.report())
"""

from importlib.metadata import version

from ulq.compile import compile
from ulq.errors import UlqError
from ulq.session import Program, load

__all__ = ["Program", "UlqError", "compile", "load"]
__version__ = version("ulq")

"""A program that needs no ulq-opt: a module as ulq-opt writes it, by hand, with a kernel compiled from C."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx.parser
import onnx.shape_inference
import pytest

from ulq import iree, session, targets

# Helper modules of this folder can be imported: importlib mode adds no folder to the path.
sys.path.insert(0, str(Path(__file__).parent))

KERNEL = """
#include <stddef.h>
#include <stdint.h>
void ulq_gemv(const int8_t *w, size_t w_off, const int8_t *x, size_t x_off, int32_t *y, size_t y_off, size_t depth,
              size_t first, size_t last) {
  for (size_t r = first; r < last; ++r) {
    int32_t sum = 0;
    for (size_t k = 0; k < depth; ++k) sum += (int32_t)w[w_off + r * depth + k] * (int32_t)x[x_off + k];
    y[y_off + r] = sum;
  }
}
"""
# 512 sums of 256 products in 8 workgroups, then the float segment.
MODULE = """
module attributes {ulq.layers = [
    {name = "gemv", op = "MatMul", weight_bits = 8, activation_bits = 8, kernel = "dot", isa = "TEST", tile = "1x64",
     macs = 131072, function = "gemv", weight_bytes = 131072, accumulator_min = -100, accumulator_max = 50},
    {name = "scale", op = "Mul", kernel = "float"}]} {
  stream.executable private @ulq_ex attributes {hal.executable.objects = #hal.executable.objects<{
      TARGET = [#hal.executable.object<{path = "OBJECT"}>]}>} {
    stream.executable.export public @gemv workgroups() -> (index, index, index) {
      %c8 = arith.constant 8 : index
      %c1 = arith.constant 1 : index
      stream.return %c8, %c1, %c1 : index, index, index
    }
    builtin.module {
      func.func private @ulq_gemv(memref<i8>, index, memref<i8>, index, memref<i32>, index, index, index, index)
        attributes {hal.import.static, llvm.bareptr = true}
      func.func @gemv(%b0: !stream.binding, %b1: !stream.binding, %b2: !stream.binding) {
        %c0 = arith.constant 0 : index
        %c64 = arith.constant 64 : index
        %depth = arith.constant 256 : index
        %id = stream.dispatch.workgroup.id[0] : index
        %first = arith.muli %id, %c64 : index
        %last = arith.addi %first, %c64 : index
        %m0 = stream.binding.subspan %b0[%c0] : !stream.binding -> memref<131072xi8>
        %m1 = stream.binding.subspan %b1[%c0] : !stream.binding -> memref<256xi8>
        %m2 = stream.binding.subspan %b2[%c0] : !stream.binding -> memref<512xi32>
        %p0, %o0, %s0, %t0 = iree_codegen.extract_strided_metadata %m0
          : memref<131072xi8> -> memref<i8>, index, index, index
        %p1, %o1, %s1, %t1 = iree_codegen.extract_strided_metadata %m1
          : memref<256xi8> -> memref<i8>, index, index, index
        %p2, %o2, %s2, %t2 = iree_codegen.extract_strided_metadata %m2
          : memref<512xi32> -> memref<i32>, index, index, index
        func.call @ulq_gemv(%p0, %o0, %p1, %o1, %p2, %o2, %depth, %first, %last)
          : (memref<i8>, index, memref<i8>, index, memref<i32>, index, index, index, index) -> ()
        return
      }
    }
  }
  func.func private @onnx_segment_0(tensor<512xf32>) -> tensor<512xf32>
  func.func @main(%x: tensor<256xi8>) -> (tensor<512xi32>, tensor<512xf32>, tensor<256xi8>) {
    %w = arith.constant dense_resource<weights> : tensor<131072xi8>
    %0 = flow.dispatch @ulq_ex::@gemv(%w, %x) : (tensor<131072xi8>, tensor<256xi8>) -> tensor<512xi32>
    %1 = arith.sitofp %0 : tensor<512xi32> to tensor<512xf32>
    %2 = func.call @onnx_segment_0(%1) : (tensor<512xf32>) -> tensor<512xf32>
    %3 = arith.addi %x, %x : tensor<256xi8>
    return %0, %2, %3 : tensor<512xi32>, tensor<512xf32>, tensor<256xi8>
  }
}
{-# dialect_resources: { builtin: { weights: "0x40000000WEIGHTS" } } #-}
"""
SEGMENT = """<ir_version: 8, opset_import: ["": 17]>
scale (float[512] a) => (float[512] y) <float h = {0.5}> { m = Mul(a, h)  y = Relu(m) }"""


def build(directory, target_name, metadata=None):
    """The bytes of the program for a target, its weights, and the text of the module that IREE compiled."""
    target = targets.lookup(target_name)
    weights = np.random.default_rng(0).integers(-128, 128, (512, 256), dtype=np.int8)
    source, kernel = directory / "kernel.c", directory / "kernel.o"
    source.write_text(KERNEL)
    triple = target.family.triple.replace("none-elf", "linux-gnu")
    command = [
        "clang-22",
        "-O2",
        "-ffreestanding",
        "-fvisibility=hidden",
        "-fPIC",
        f"--target={triple}",
        "-c",
        source,
        "-o",
        kernel,
    ]
    subprocess.run(command, check=True)
    text = MODULE.replace("TARGET", target.attribute).replace("OBJECT", str(kernel)).replace("TEST", target.isa)
    text = text.replace("WEIGHTS", weights.tobytes().hex().upper())
    segment = onnx.shape_inference.infer_shapes(onnx.parser.parse_model(SEGMENT))
    module = iree.build([text], [segment], [target])
    described = {
        "version": "0",
        "targets": [target.name],
        "inputs": [{"name": "x", "shape": [256], "dtype": "int8"}],
        "outputs": [
            {"name": "sums", "shape": [512], "dtype": "int32"},
            {"name": "y/relu", "shape": [512], "dtype": "float32"},
            {"name": "doubled", "shape": [256], "dtype": "uint8"},
        ],
        "layers": module.layers,
        "notes": ["an assumption"],
    }
    lowered = module.text()
    return SimpleNamespace(
        data=iree.link(module, described if metadata is None else metadata),
        weights=weights,
        lowered=lowered,
    )


@pytest.fixture(scope="session")
def handmade(tmp_path_factory):
    """`handmade(target)` is the program for a target name, made once."""
    if shutil.which("clang-22") is None:
        pytest.skip("clang-22 is not installed")
    made = {}

    def get(target="generic"):
        if target not in made:
            made[target] = build(tmp_path_factory.mktemp("handmade"), target)
        return made[target]

    return get


@pytest.fixture(scope="session")
def build_handmade():
    """`build_handmade(directory, target, metadata)` makes the program anew."""
    return build


@pytest.fixture
def program(handmade):
    """The hand-made program, loaded from bytes."""
    return session.from_bytes(handmade().data)

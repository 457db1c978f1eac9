"""A compiled program: the bytes of a .vmfb, what its metadata says, and how to run it."""

import functools
import json
import mmap
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import iree.runtime as rt
import ml_dtypes
import numpy as np

from ulq import emulator, files, report
from ulq.errors import UlqError
from ulq.iree import METADATA
from ulq.report import Layer
from ulq.targets import TARGETS, Target
from ulq.versions import LIMIT

MAX_THREADS = 1024


@dataclass(frozen=True)
class Tensor:
    """An input or output of a program: ONNX name, shape and numpy dtype. An extent of None varies from run to run."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype

    @classmethod
    def from_row(cls, row: Mapping) -> "Tensor":
        return cls(row["name"], tuple(row["shape"]), np.dtype(row["dtype"]))

    def to_row(self) -> dict:
        return {"name": self.name, "shape": list(self.shape), "dtype": self.dtype.name}

    def __str__(self) -> str:
        extents = ("?" if extent is None else str(extent) for extent in self.shape)
        return f"{self.name}: {self.dtype.name}[{', '.join(extents)}]"


class Program:
    """A compiled model.

    Attributes:
        inputs, outputs: the `Tensor`s of the model, in ONNX order.
        layers: one `Layer` record per layer, in execution order.
        targets: names of the targets that the program was compiled for.
        dispatches: name and workgroups of each dispatch, in the order of the program.
        notes: remarks of the compiler, e.g. about a batch size that it fixed.
        version: the ulq version that compiled it.
        stages: MLIR text by stage name, in order, when it was compiled with `keep_stages=True`; else empty.
        threads: threads that `run` uses at most, 1 unless set; a program without a divided dispatch runs on one.
        max_target: `run` uses no target after this one, all of them unless set.
    """

    def __init__(self, image: mmap.mmap, origin: str, stages: Mapping[str, str] | None = None):
        self._image = image
        self._module = _read_module(image, origin)
        metadata = _read_metadata(self._module, origin)
        self.inputs: list[Tensor] = [Tensor.from_row(row) for row in metadata["inputs"]]
        self.outputs: list[Tensor] = [Tensor.from_row(row) for row in metadata["outputs"]]
        self.layers: list[Layer] = [Layer.from_row(row) for row in metadata["layers"]]
        self.targets: list[str] = list(metadata["targets"])
        # Of each dispatch, in order; programs of earlier versions have no list.
        self.dispatches: list[dict] = list(metadata.get("dispatches", []))
        self.notes: list[str] = list(metadata["notes"])
        self.version: str = metadata["version"]
        self.stages: dict[str, str] = dict(stages or {})
        self._threads = 1
        self._max_target = self.targets[-1]
        self._call = None  # made by the first run, so that a program of a foreign CPU can be loaded and explained
        self._lock = threading.Lock()

    def run(self, inputs: Mapping[str, np.ndarray] | np.ndarray) -> dict[str, np.ndarray]:
        """Runs the model on arrays of the shapes and dtypes of `self.inputs`.

        `inputs` maps ONNX input names to arrays; a model with one input also takes the array alone. Returns new arrays
        by ONNX output names. Raises UlqError for a wrong name, shape or dtype, and where this machine can neither
        execute nor emulate the program's target.
        """
        arrays = self._arrays(inputs)
        with self._lock:
            if self._call is None:
                self._call = self._prepare()
            results = self._call(arrays)
        return {tensor.name: array for tensor, array in zip(self.outputs, results, strict=True)}

    def save(self, path: str | os.PathLike) -> None:
        """Writes the program as a .vmfb that `ulq.load` and IREE's own tools read; the file appears complete or not
        at all. Raises UlqError when it cannot be written."""
        files.write_whole(Path(path), self._image)

    def report(self) -> str:
        """A text table with one line per layer: bits, kernel, tile, weight bytes, proven accumulator range, and the
        time where `bench` measured it."""
        head = f"{_signature(self)}\ncompiled for {', '.join(self.targets)} by ulq {self.version}\n\n"
        return head + report.table(self.layers, self.notes)

    def dispatch_report(self) -> str:
        """A text table of the dispatches in the order of the program: layer, kernel, workgroups."""
        return report.dispatch_table(report.dispatches(self.layers, self.dispatches))

    def bench(self, threads: Sequence[int] = (1,), seconds: float = 2.0) -> "list[bench.Timing]":
        """Times the program and its dispatches on each number of threads; `report` then shows times of layers.

        Raises UlqError where this machine does not execute the program.
        """
        from ulq import bench  # times programs, so it imports this module

        timings = bench.bench(self, threads, seconds)
        ms = {report.kernel_of(dispatch.name): dispatch.ms for dispatch in timings[0].dispatches}
        self.layers = [replace(layer, ms=ms.get(layer.function)) for layer in self.layers]
        return timings

    @property
    def threads(self) -> int:
        return self._threads

    @threads.setter
    def threads(self, count: int) -> None:
        with self._lock:
            self._threads, self._call = checked_threads(count), None

    @property
    def max_target(self) -> str:
        return self._max_target

    @max_target.setter
    def max_target(self, name: str) -> None:
        if name not in self.targets:
            raise UlqError(f"expected one of the program's targets, {', '.join(self.targets)}, got {name!r}")
        with self._lock:
            self._max_target, self._call = name, None

    def __len__(self) -> int:
        """Size of the program in bytes, weights included."""
        return len(self._image)

    def __repr__(self) -> str:
        return f"<ulq.Program for {', '.join(self.targets)}: {_signature(self)}>"

    def _arrays(self, inputs: Mapping[str, np.ndarray] | np.ndarray) -> list[np.ndarray]:
        """The inputs in the program's order, contiguous and checked."""
        if not isinstance(inputs, Mapping):
            if len(self.inputs) != 1:
                raise UlqError(f"the program has {len(self.inputs)} inputs: expected a dict with {_names(self.inputs)}")
            inputs = {self.inputs[0].name: inputs}
        if len(inputs) != len(self.inputs) or any(tensor.name not in inputs for tensor in self.inputs):
            raise UlqError(f"expected inputs {_names(self.inputs)}, got {', '.join(map(repr, inputs)) or 'none'}")
        return [_checked(tensor, inputs[tensor.name]) for tensor in self.inputs]

    def require_native(self) -> None:
        """Raises UlqError where this machine cannot execute the program itself, as measurements need."""
        _plainest(self.targets).require_native()

    def _useful_threads(self) -> int:
        """1 where each dispatch is one workgroup: waking other threads for one takes longer than most of them."""
        is_divided = any(dispatch.get("workgroups") != 1 for dispatch in self.dispatches)
        return self._threads if is_divided or not self.dispatches else 1

    def _prepare(self):
        """The function from input arrays to output arrays: in this process, or under an emulator."""
        target = _plainest(self.targets)
        if target.runs_here():
            limit = self.targets.index(self._max_target) if len(self.targets) > 1 else None
            return _Native(self._module, self.inputs, self.outputs, self._useful_threads(), limit)
        return emulator.Emulated(target, self._image, self.outputs)


def checked_threads(count: object) -> int:
    """A number of threads that IREE takes; raises UlqError for anything else."""
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_THREADS:
        raise UlqError(f"expected a number of threads from 1 to {MAX_THREADS}, got {count!r}")
    return count


def load(path: str | os.PathLike) -> Program:
    """The program that `Program.save` wrote to `path`. The file is mapped, not copied.

    Raises UlqError where the file cannot be read, is no .vmfb, or was not compiled by ulq.
    """
    try:
        with open(path, "rb") as file:
            image = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise UlqError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from None
    except ValueError:  # mmap refuses an empty file
        raise UlqError(f"{os.fspath(path)}: the file is empty") from None
    return Program(image, os.fspath(path))


def from_bytes(data: bytes, stages: Mapping[str, str] | None = None) -> Program:
    """The program in the bytes of a .vmfb."""
    image = mmap.mmap(-1, len(data))  # page-aligned, as IREE wants its constants
    image.write(data)
    return Program(image, "the compiled program", stages)


# --- reading a .vmfb ---------------------------------------------------------


def _read_module(image: mmap.mmap, origin: str) -> rt.VmModule:
    try:
        return rt.VmModule.wrap_buffer(_instance(), image)
    except (ValueError, RuntimeError):
        raise UlqError(f"{origin}: not a .vmfb, or a damaged one") from None


def _read_metadata(module: rt.VmModule, origin: str) -> dict:
    """What ulq recorded when it compiled the module."""
    main = module.lookup_function("main")
    text = main.reflection.get(METADATA) if main else None
    if text is None:
        raise UlqError(f"{origin}: this .vmfb was not compiled by ulq")
    try:
        return json.loads(text)
    except ValueError:
        raise UlqError(f"{origin}: the metadata of this .vmfb is damaged") from None


# --- running in this process -------------------------------------------------


class _Native:
    """Calls `@main` through IREE's VM. Made once per program: a call only wraps buffers and invokes."""

    def __init__(
        self,
        module: rt.VmModule,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        threads: int,
        limit: int | None,
    ):
        self._threads = threads
        self._device = _device(threads)
        self._allocator = self._device.allocator
        self._function = module.lookup_function("main")
        self._context = rt.VmContext(_instance(), [rt.create_hal_module(_instance(), self._device), module])
        self._inputs = [_element_type(tensor.dtype) for tensor in inputs]
        self._outputs = [(tensor.shape, tensor.dtype) for tensor in outputs]
        if limit is not None:
            last = rt.VmVariantList(1)
            last.push_int(limit)
            self._context.invoke(module.lookup_function(LIMIT), last, rt.VmVariantList(0))

    def __call__(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        arguments, results = rt.VmVariantList(len(arrays)), rt.VmVariantList(len(self._outputs))
        for element_type, array in zip(self._inputs, arrays, strict=True):
            arguments.push_ref(
                self._allocator.allocate_buffer_copy(
                    memory_type=rt.MemoryType.DEVICE_LOCAL,
                    allowed_usage=rt.BufferUsage.DEFAULT,
                    device=self._device,
                    buffer=array,
                    element_type=element_type,
                )
            )
        try:
            with _patient() if self._threads > 1 else nullcontext():
                self._context.invoke(self._function, arguments, results)
        except RuntimeError as error:
            raise UlqError(f"IREE could not run the program: {str(error).splitlines()[0]}") from None
        return [self._result(results, index) for index in range(len(self._outputs))]

    def _result(self, results: rt.VmVariantList, index: int) -> np.ndarray:
        """A copy of the output: IREE takes the memory back with the result list, even where an array still maps it.
        IREE's integers carry no sign: the ONNX dtype decides."""
        shape, dtype = self._outputs[index]
        view = results.get_as_ref(index).deref(rt.HalBufferView)
        shape = tuple(view.shape) if None in shape else shape
        return view.map().asarray(shape, _storage(dtype)).copy().view(dtype)


@contextmanager
def _patient():
    """Keeps the calling thread from displacing the worker that wakes it: IREE's waiting thread then spins until that
    worker, which it has displaced, goes on - up to a time slice of the scheduler (1 ms) in every run."""
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    if policy != os.SCHED_OTHER:
        yield
        return
    os.sched_setscheduler(0, os.SCHED_BATCH, parameter)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameter)


@functools.cache
def _instance() -> rt.VmInstance:
    return rt.VmInstance()


@functools.cache
def _device(threads: int) -> rt.HalDevice:
    """One thread runs the dispatches inline; more need IREE's task system, whose size is fixed for the process."""
    if threads == 1:
        return _caching_device("local-sync")
    fixed = _task_threads(threads)
    if fixed != threads:
        raise UlqError(f"this process already runs programs on {fixed} threads, cannot change that to {threads}")
    return _caching_device("local-task")


def _caching_device(driver: str) -> rt.HalDevice:
    """A device that keeps the memory of a run for the next one: new pages would be cleared in every run."""
    return rt.get_driver(driver).create_default_device(allocators=["caching"])


_FIXED_THREADS: list[int] = []


def _task_threads(threads: int) -> int:
    """Fixes the number of IREE's worker threads at the first call; returns the number in force."""
    if not _FIXED_THREADS:
        rt.flags.parse_flags(f"--task_topology_group_count={threads}")
        _FIXED_THREADS.append(threads)
    return _FIXED_THREADS[0]


@functools.cache
def _storage(dtype: np.dtype) -> np.dtype:
    """The dtype that numpy itself has for the bytes of `dtype`: ml_dtypes' are unknown to IREE."""
    return dtype if dtype.isbuiltin == 1 else np.dtype(f"u{dtype.itemsize}")


@functools.cache
def _element_type(dtype: np.dtype) -> rt.HalElementType:
    if dtype == ml_dtypes.bfloat16:
        return rt.HalElementType.BFLOAT_16
    return rt.array_interop.map_dtype_to_element_type(_storage(dtype))


# --- checks ------------------------------------------------------------------


def _checked(tensor: Tensor, value: object) -> np.ndarray:
    """`value` as a contiguous array, after a look at its shape and dtype."""
    array = np.asarray(value)
    if array.dtype != tensor.dtype:
        raise UlqError(f"input '{tensor.name}': expected dtype {tensor.dtype.name}, got {array.dtype.name}")
    if array.shape != tensor.shape:
        raise UlqError(f"input '{tensor.name}': expected shape {tensor.shape}, got {array.shape}")
    return _storage_view(array if array.flags.c_contiguous else np.ascontiguousarray(array))


def _storage_view(array: np.ndarray) -> np.ndarray:
    storage = _storage(array.dtype)
    return array if storage is array.dtype else array.view(storage)


def _plainest(names: Sequence[str]) -> Target:
    """The target with the fewest demands among those of a program."""
    known = [target for name, target in TARGETS.items() if name in names]
    if not known:
        raise UlqError(f"the program was compiled for {', '.join(names)}, which this version of ulq does not know")
    return known[0]


def _names(tensors: Sequence[Tensor]) -> str:
    return ", ".join(repr(tensor.name) for tensor in tensors)


def _signature(program: Program) -> str:
    return f"{', '.join(map(str, program.inputs))} -> {', '.join(map(str, program.outputs))}"

"""lit configuration: `lit test`, or `lit --param build=DIR test` for another build folder.

ULQ_LIT_ROUNDTRIP=1 makes every ulq-opt call print and parse its IR again (`--verify-roundtrip`).
"""

import os
import re
import shutil
import sys

import lit.formats

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
build = os.path.abspath(lit_config.params.get("build", os.path.join(root, "build")))

config.name = "ulq"
config.test_format = lit.formats.ShTest()
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.dirname(os.path.abspath(__file__))
config.test_exec_root = os.path.join(build, "test")

tools = [os.path.join(build, "bin"), "/usr/lib/llvm-22/bin", os.path.dirname(sys.executable)]
config.environment["PATH"] = os.pathsep.join([*tools, os.environ["PATH"]])
config.substitutions.append(("%python", sys.executable))
if os.environ.get("ULQ_LIT_ROUNDTRIP") == "1":
    # The command, not a path or a file that contains its name.
    config.substitutions.append((r"(?<![\w/.-])ulq-opt(?![\w/.-])", "ulq-opt --verify-roundtrip"))


def cpu_flags():
    """Returns the x86 feature names of this machine; empty elsewhere."""
    try:
        with open("/proc/cpuinfo") as file:
            found = re.search(r"^flags\s*:(.*)$", file.read(), re.MULTILINE)
    except OSError:
        return set()
    return set(found[1].split()) if found else set()


flags = cpu_flags()
features = {
    "x86-avx2": "avx2" in flags,
    "x86-avx512vnni": "avx512_vnni" in flags,
    "qemu-aarch64": shutil.which("qemu-aarch64") is not None,
}
config.available_features.update(name for name, present in features.items() if present)

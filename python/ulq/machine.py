"""What a measurement says about where it was made."""

import os
import platform
from importlib.metadata import version
from pathlib import Path


def machine() -> dict[str, str | int]:
    """The CPU and the number of its cores."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return {"cpu": next(models, platform.machine()), "cores": os.cpu_count() or 1}


def versions() -> dict[str, str]:
    """The versions that decide how fast a program is."""
    return {name: version(name) for name in ("ulq", "iree-base-compiler", "iree-base-runtime")}

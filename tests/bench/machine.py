"""The processor a run was measured on: figures without it cannot be compared."""

import os
import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def processor(cpuinfo=CPUINFO):
    """{"name", "family", "model", "avx512", "count"}; on systems without /proc/cpuinfo the three in between are None."""
    try:
        first = cpuinfo.read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        first = ""
    fields = dict(tuple(part.strip() for part in line.split(":", 1)) for line in first.splitlines() if ":" in line)
    flags = fields.get("flags", fields.get("Features"))
    return {
        "name": fields.get("model name") or platform.processor() or platform.machine(),
        "family": fields.get("cpu family"),
        "model": fields.get("model"),
        "avx512": None if flags is None else "avx512f" in flags.split(),
        "count": os.cpu_count(),
    }


def described(found):
    """One line: "AMD EPYC, family 25 model 17, AVX-512, 2 processors"."""
    parts = [found["name"]]
    if found["family"] is not None:
        parts.append(f"family {found['family']} model {found['model']}")
    if found["avx512"] is not None:
        parts.append("AVX-512" if found["avx512"] else "no AVX-512")
    return ", ".join([*parts, f"{found['count']} processors"])

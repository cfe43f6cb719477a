"""Machine code: LLVM text becomes functions, through llvmlite, and is kept on disk for the next process.

llvmlite is the compiler under numba. Taken directly it starts in 25 ms instead of 320, compiles a loop in about 15 ms
instead of 200, and a call costs 0.1 µs instead of 0.2 to 0.5, because the addresses of a program's arrays are linked into
what it calls, as symbols, and need not be handed over. That is only a row of calls, compiled without being improved; the
functions in it are modules of their own, which are the same for all programs that have such a loop.

Their object code is kept under the digest of all that it depends on: the text, the processor and LLVM's version. A file
begins with the digest of its own content, so one that was cut off or damaged is compiled anew. Files are written aside,
then renamed.
"""

import contextlib
import ctypes
import functools
import hashlib
import itertools
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

__all__ = ["available", "folder", "function", "functions", "registers"]

LOCK = threading.Lock()
NUMBERS = itertools.count()
KEPT = 2000  # files in the folder from which on the oldest half is removed
LOOKED = 16  # one file of so many brings this about, for looking takes longer than writing
TYPES = {"i64": ctypes.c_int64, "double": ctypes.c_double, "ptr": ctypes.c_void_p}


def available() -> bool:
    """Whether llvmlite can be imported."""
    try:
        import llvmlite.binding  # noqa: F401  # only looked for
    except ImportError:
        return False
    return True


def folder() -> Path:
    """Where object code is kept: the user's folder for what may be deleted at any time."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "glassgrad"


class _Machine:
    """LLVM for this processor, made when it is first needed."""

    def __init__(self) -> None:
        import llvmlite.binding as llvm

        self.llvm = llvm
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self.features = llvm.get_host_cpu_features()
        features = self.features.flatten()
        self.target, self.quick = (llvm.Target.from_default_triple().create_target_machine(
            cpu=llvm.get_host_cpu_name(), features=features, opt=opt, reloc="pic", codemodel="small"
        ) for opt in (3, 0))  # fmt: skip
        self.jit = llvm.create_lljit_compiler(self.target)
        self.form = f"{llvm.llvm_version_info} {llvm.get_default_triple()} {llvm.get_host_cpu_name()} {features}"

    def compiled(self, text: str, quick: bool = False) -> bytes:
        """The object code of a module; quick: of calls, in which there is nothing to improve."""
        llvm = self.llvm
        module = llvm.parse_assembly(text)
        module.verify()
        if quick:
            plain: bytes = self.quick.emit_object(module)
            return plain
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = True
        builder = llvm.create_pass_builder(self.target, options)
        builder.getModulePassManager().run(module, builder)
        found: bytes = self.target.emit_object(module)
        return found

    def object(self, text: str) -> bytes:
        """The same, from the folder if it is there."""
        digest = hashlib.sha256(f"{self.form}\n{text}".encode()).hexdigest()
        path = folder() / f"{digest}.o"
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            if hashlib.sha256(data[32:]).digest() == data[:32]:
                return data[32:]
        code = self.compiled(text)
        with contextlib.suppress(OSError):
            _write(path, hashlib.sha256(code).digest() + code)
        return code


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else puts code there
    files = list(path.parent.glob("*.o")) if int(path.name[:8], 16) % LOOKED == 0 else []
    for old in sorted(files, key=lambda file: file.stat().st_mtime)[: len(files) // 2] if len(files) >= KEPT else ():
        old.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


MACHINES: list[_Machine] = []


def _machine() -> _Machine:
    """The one machine; to be called under the lock."""
    if not MACHINES:
        MACHINES.append(_Machine())
    return MACHINES[0]


def registers() -> tuple[int, int]:
    """(bytes of a vector register, how many sums of vectors may stay in registers beside what is multiplied)."""
    with LOCK:
        features = _machine().features
    if features.get("avx512f"):
        return 64, 28
    if features.get("avx"):
        return 32, 12
    return 16, 24 if features.get("neon") else 12


@functools.lru_cache(4096)
def function(text: str, name: str, form: tuple[str, ...]) -> Any:
    """A function of a module that has no symbols, the same one for the same text."""
    return functions(text, {name: form}, {})[name]


def functions(
    text: str, forms: dict[str, tuple[str, ...]], memory: dict[str, int], held: Any = None, quick: bool = False
) -> dict[str, Any]:
    """{name: function} of a module.

    text     of the module, without declaration of its symbols for memory
    forms    function → types of its arguments, "i64", "double" or "ptr"
    memory   symbol → address
    held     what owns that memory: it lives as long as one of the functions, and so does their code
    quick    whether it is only calls: neither improved nor kept on disk
    """
    globals_ = "".join(f"@{name} = external global i8\n" for name in memory)
    with LOCK:
        machine = _machine()
        code = machine.compiled(globals_ + text, quick) if quick else machine.object(globals_ + text)
        builder = machine.llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name, address in memory.items():
            builder.import_symbol(name, address)
        for name in forms:
            builder.export_symbol(name)
        owner = builder.link(machine.jit, f"glassgrad{next(NUMBERS)}")
    found: dict[str, Any] = {}
    for name, types in forms.items():
        arguments: list[Any] = [TYPES[x] for x in types]
        found[name] = ctypes.CFUNCTYPE(None, *arguments)(owner[name])
        found[name].lives = (owner, held)
    return found

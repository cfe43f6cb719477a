"""Files of named arrays and a JSON text: .npz by NumPy alone, .safetensors with the extra [io]. Never pickle.

`write` makes a file that is there as a whole or not at all, also if the machine stops: into a hidden file in the same
folder, to the disk, then under its name in one step. `read` trusts nothing: it runs no code, takes no more memory than the
file is long (nothing is compressed), and compares a SHA-256 of all names, types, shapes, numbers and words.
"""

import contextlib
import glob
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autograd.errors import ArgumentError, MissingExtraError

__all__ = ["CheckpointError", "ending", "read", "replacing", "write"]

KINDS = "biufc"  # of dtypes: booleans and numbers
WORDS = "checkpoint.json"  # name of the text in an .npz
START = '{"sha256": '  # of the text


class CheckpointError(ValueError):
    """A file that cannot be read, was changed, or belongs to another model; nothing has been taken from it.

    Fails: nn.load("digits.npz", another_model).  Fix: the message says what differs.
    """


def write(path: str | os.PathLike[str], arrays: Mapping[str, Any], words: Mapping[str, Any]) -> None:
    """Put arrays and JSON-able words into a file, atomically; the ending of its name says in which format.

    One process at a time may write to a path. Raises ArgumentError for another ending and for what is no number or no
    JSON.
    """
    path, form = Path(path), ending(path)
    plain = {name: _plain(name, array) for name, array in arrays.items()}
    try:
        text = json.dumps({"sha256": _digest(plain, words), **words}, default=_listed)
    except (TypeError, ValueError) as mistake:
        raise ArgumentError(
            f"{path}: what is no array must be JSON (numbers, texts, lists, dicts): {mistake}"
        ) from None
    with replacing(path) as file:
        (_write_npz if form == ".npz" else _write_safetensors)(file, plain, text)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arrays, words) of a file; no words in one that `write` has not made, such as PyTorch's .safetensors.

    Raises CheckpointError for whatever is wrong with the content, and the usual OSError if there is no such file.
    """
    path, form = Path(path), ending(path)
    with open(path, "rb"):  # its absence is not the content's fault
        pass
    try:
        arrays, text = (_read_npz if form == ".npz" else _read_safetensors)(path)
        words: dict[str, Any] = json.loads(text) if text else {}
        strange = [name for name, array in arrays.items() if array.dtype.kind not in KINDS]
        if strange:
            raise ValueError(f"{strange[0]!r} holds {arrays[strange[0]].dtype}, not numbers")
        if text and words.pop("sha256") != _digest(arrays, words):
            raise ValueError("its content is not what was written (the checksum differs)")
    except MissingExtraError:
        raise
    except Exception as mistake:  # whatever a hostile file makes zipfile, json, NumPy or safetensors raise
        raise CheckpointError(f"{path} cannot be used: {str(mistake) or type(mistake).__name__}") from mistake
    return arrays, words


def ending(path: str | os.PathLike[str]) -> str:
    """The ending of a file's name, which says its format. Raises ArgumentError if it is none of the two."""
    found = Path(path).suffix
    if found not in (".npz", ".safetensors"):
        raise ArgumentError(f"{path}: the name of a checkpoint ends in .npz or .safetensors")
    return found


def _plain(name: str, array: Any) -> Any:
    array = np.asarray(array)
    if array.dtype.kind not in KINDS:
        raise ArgumentError(f"{name!r} is an array of {array.dtype}; a checkpoint holds numbers and booleans")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _listed(x: Any) -> Any:
    """What json asks for where it knows no way: NumPy's arrays and numbers, as in a generator's state."""
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind in KINDS:
        return x.tolist()
    raise TypeError(f"{type(x).__name__} {str(x)[:40]!r} is not")


def _digest(arrays: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(words, default=_listed).encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name}\0{array.dtype.str}{array.shape}".encode())
        found.update(np.asarray(array, order="C").data if array.size else b"")
    return found.hexdigest()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Any]:
    """A file to write to that takes the place of `path` at the end; what killed writers left behind is removed."""
    for stale in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        stale.unlink(missing_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(draft, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):  # where a folder can be opened, its entry goes to the disk too
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _write_npz(file: Any, arrays: Mapping[str, Any], text: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.writestr(zipfile.ZipInfo(WORDS), text)


def _read_npz(path: Path) -> tuple[dict[str, Any], str]:
    arrays, text = {}, ""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len({member.filename for member in members}) < len(members):
            raise ValueError("two of its members have one name")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its members are compressed, and may be any size; np.savez and nn.save compress nothing")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("its members claim to be larger than the file")
        for member in members:
            content = archive.read(member)  # to its end, where zipfile compares its CRC-32
            if member.filename == WORDS:
                text = content.decode()
            elif member.filename.endswith(".npy"):
                arrays[member.filename[:-4]] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
            else:
                raise ValueError(f"it holds {member.filename!r}, which is no array")
    return arrays, text


def _write_safetensors(file: Any, arrays: Mapping[str, Any], text: str) -> None:
    packed = {
        name: np.asarray(array, order="C") for name, array in arrays.items()
    }  # it takes others' bytes as they lie
    file.write(_safetensors().numpy.save(packed, metadata={"glassgrad": text}))


def _read_safetensors(path: Path) -> tuple[dict[str, Any], str]:
    with _safetensors().safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
        metadata = (file.metadata() or {}).items()  # a broken name must not make our file look like another's
        return arrays, "".join(text for name, text in metadata if name == "glassgrad" or text.startswith(START))


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingExtraError('.safetensors needs the extra [io]: pip install "glassgrad[io]"') from None
    return safetensors

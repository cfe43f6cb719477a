"""Checkpoints: bit for bit, whole or not at all, and one clear error for whatever a file may hold."""

import io
import json
import os
import zipfile

import numpy as np
import pytest

import nn
from autograd.errors import ArgumentError, MissingExtraError
from nn import archive
from nn.archive import CheckpointError

ENDINGS = [".npz", pytest.param(".safetensors", marks=pytest.mark.skipif(
    not pytest.importorskip("importlib.util").find_spec("safetensors"), reason="needs the extra [io]"))]  # fmt: skip
both = pytest.mark.parametrize("ending", ENDINGS)


class Net(nn.Module):
    buffers = ("running_mean",)

    def __init__(self, seed=0, features=3):
        self.mlp = nn.MLP(features, [4, 2], rng=seed)
        self.scale = nn.Parameter(1.5 + seed)
        self.running_mean = np.full(3, 0.5 + seed)
        self.rng = np.random.default_rng(seed)


def trained(seed):
    """A model with its optimiser, some steps old."""
    model = Net(seed)
    optimizer = nn.Adam(model, 0.01 * (1 + seed))
    for _ in range(3):
        for parameter in model.parameters():
            parameter.grad = model.rng.normal(size=parameter.shape).astype(parameter.dtype)[()]
        optimizer.step()
    return model, optimizer


def everything(model, optimizer=None):
    """All that a checkpoint should bring back, as bytes and texts."""
    state = {**model.state_dict(), **(optimizer.state_dict() if optimizer else {})}
    found = {name: (np.asarray(value).dtype.str, np.asarray(value).tobytes()) for name, value in state.items()}
    return found, str(model.rng.bit_generator.state)


def refused(path, *targets, match):
    before = everything(*targets)
    with pytest.raises(CheckpointError, match=match) as error:
        nn.load(path, *targets)
    assert everything(*targets) == before, "something was taken from a bad file"
    assert str(path) in str(error.value) and "\n" not in str(error.value)


# there and back


@both
def test_what_is_saved_comes_back_bit_for_bit(tmp_path, ending):
    path = tmp_path / f"run{ending}"
    model, optimizer = trained(0)
    nn.save(
        path, model, optimizer, epoch=3, note="ü\u2028", nested={"nan": [float("nan"), 2**127]}, mean=np.arange(3.0)
    )
    other = trained(1)
    assert everything(*other) != everything(model, optimizer)
    extra = nn.load(path, *other)
    assert everything(*other) == everything(model, optimizer)
    assert other[0].rng.random() == model.rng.random()
    assert type(other[0].scale.data) is float and type(other[1].steps) is int
    assert extra["mean"].tolist() == [0.0, 1.0, 2.0] and (extra["epoch"], extra["note"]) == (3, "ü\u2028")
    assert np.isnan(extra["nested"]["nan"][0]) and extra["nested"]["nan"][1] == 2**127
    assert os.listdir(tmp_path) == [path.name]
    alone = Net(2)
    nn.load(path, alone)
    assert everything(alone)[0] == everything(model)[0]


LAYOUTS = {
    "transposed": np.arange(24.0).reshape(2, 3, 4).T, "sliced": np.arange(24.0).reshape(4, 6)[::2, 1::3],
    "reversed": np.arange(5)[::-1], "broadcast": np.broadcast_to(np.float32(3.0), (4, 5)),
    "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "no axes": np.array(1.5), "empty": np.zeros((0, 3)),
    "complex": np.array([1 + 2j], np.complex64), "big-endian": np.arange(3, dtype=">f4"), "flags": np.array([True, False]),
    "half": np.ones(2, np.float16), "a/b ü": np.arange(3, dtype=np.uint8), "file": np.ones(1),
    "one column": np.ones((3, 2))[:, :1],
}  # fmt: skip


@both
def test_arrays_of_every_layout(tmp_path, ending):
    path = tmp_path / f"x{ending}"
    archive.write(path, LAYOUTS, {})
    found, words = archive.read(path)
    assert found.keys() == LAYOUTS.keys() and words == {}
    for name, array in LAYOUTS.items():
        np.testing.assert_array_equal(found[name], array, strict=name != "big-endian", err_msg=name)


def test_another_library_reads_them(tmp_path):
    model = Net()
    nn.save(tmp_path / "m.npz", model, epoch=1)
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        assert file["mlp.layers.0.weight"].tobytes() == model.mlp.layers[0].weight.data.tobytes()
        assert json.loads(file[archive.WORDS])["extra/epoch"] == 1
    safetensors = pytest.importorskip("safetensors.numpy")
    nn.save(tmp_path / "m.safetensors", model)
    found = safetensors.load_file(tmp_path / "m.safetensors")
    assert found.keys() == model.state_dict().keys()  # PyTorch's load_state_dict takes these and no others


@both
def test_a_foreign_files_weights_are_taken_by_name(tmp_path, ending):
    source, target = nn.MLP(3, [4, 2], rng=0, dtype=np.float64), nn.MLP(3, [4, 2], rng=1)
    path = tmp_path / f"theirs{ending}"
    if ending == ".npz":
        np.savez(path, **source.state_dict())
    else:
        from safetensors.numpy import save_file

        save_file(source.state_dict(), path, metadata={"format": "pt"})
    assert nn.load(path, target) == {}
    for name, value in target.state_dict().items():
        np.testing.assert_array_equal(value, source.state_dict()[name].astype(np.float32), strict=True)
    net = Net(3)
    state = str(net.rng.bit_generator.state)
    if ending == ".npz":
        np.savez(path, **Net(4).state_dict())
        nn.load(path, net)  # no generator in it: ours stays
        assert str(net.rng.bit_generator.state) == state and float(net.scale.data) == 5.5


@both
def test_the_memory_layout_of_the_weights_stays(tmp_path, ending):
    model = nn.Linear(3, 4, rng=0)
    model.weight.data = np.asfortranarray(model.weight.data)
    nn.save(tmp_path / f"m{ending}", model)
    twin = nn.Linear(3, 4, rng=1)
    twin.weight.data = np.asfortranarray(twin.weight.data)
    nn.load(tmp_path / f"m{ending}", twin)
    assert twin.weight.data.flags.f_contiguous and not twin.weight.data.flags.c_contiguous
    np.testing.assert_array_equal(twin.weight.data, model.weight.data)


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_kind_of_generator(tmp_path, kind):
    def generator(seed):
        return np.random.Generator(getattr(np.random, kind)(seed))

    model, other = Net(), Net()
    model.rng, other.rng = generator(0), generator(1)
    model.rng.random(3, dtype=np.float32)  # leaves half a number in some kinds
    nn.save(tmp_path / "m.npz", model)
    nn.load(tmp_path / "m.npz", other)
    for dtype in (np.float32, np.float64):
        assert other.rng.random(5, dtype=dtype).tolist() == model.rng.random(5, dtype=dtype).tolist()


@both
def test_load_state_shows_all(tmp_path, ending):
    model, optimizer = trained(0)
    nn.save(tmp_path / f"m{ending}", model, optimizer, epoch=3)
    state = nn.load_state(tmp_path / f"m{ending}")
    assert state["optimizer/steps"] == 3 and state["extra/epoch"] == 3 and state["mlp.layers.1.bias"].shape == (2,)
    assert state["generator/rng"]["bit_generator"] == "PCG64"


# whole or not at all


@both
def test_a_save_that_fails_leaves_the_old_file(tmp_path, ending, monkeypatch):
    path = tmp_path / f"m{ending}"
    nn.save(path, Net(0))
    before = path.read_bytes()

    def fail(*_):
        raise OSError("no space left")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(OSError, match="no space left"):
                nn.save(path, Net(1))
        assert path.read_bytes() == before and os.listdir(tmp_path) == [path.name]


def test_what_a_killed_writer_left_is_removed(tmp_path):
    for name in (".m[1].npz.77.part", ".m[1].npz.other", ".m1.npz.77.part"):
        (tmp_path / name).write_text("half")
    nn.save(tmp_path / "m[1].npz", Net())
    assert sorted(os.listdir(tmp_path)) == [".m1.npz.77.part", ".m[1].npz.other", "m[1].npz"]


def test_the_disk_is_told_before_the_name_changes(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: done.append("fsync") or fsync(file))
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("replace") or replace(*paths))
    nn.save(tmp_path / "m.npz", Net())
    assert done == ["fsync", "replace", "fsync"] or (not hasattr(os, "O_DIRECTORY") and done == ["fsync", "replace"])


# damaged, hostile, another's


@both
def test_every_truncation_is_found(tmp_path, ending):
    model, optimizer = trained(0)
    nn.save(tmp_path / f"good{ending}", model, optimizer)
    content, path = (tmp_path / f"good{ending}").read_bytes(), tmp_path / f"bad{ending}"
    other = trained(1)
    for length in [*range(0, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path, *other, match="cannot be used")


@both
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path, ending):
    model, optimizer = trained(0)
    nn.save(tmp_path / f"good{ending}", model, optimizer, epoch=1)
    content, path = (tmp_path / f"good{ending}").read_bytes(), tmp_path / f"bad{ending}"
    expected, found = everything(model, optimizer), 0
    rng = np.random.default_rng(0)
    for bit in rng.choice(8 * len(content), size=400, replace=False):
        bad = bytearray(content)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        other = trained(1)
        before = everything(*other)
        try:
            assert nn.load(path, *other) == {"epoch": 1}
        except CheckpointError:
            assert everything(*other) == before
            found += 1
        else:  # a bit that means nothing, such as a date in the zip's directory
            assert everything(*other) == expected
    assert found > 250


def npz(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def npy(array):
    content = io.BytesIO()
    np.lib.format.write_array(content, np.asarray(array), allow_pickle=True)
    return content.getvalue()


def header(shape):
    text = shape if "(" in shape[1:] else f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.encode() + b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Bomb:
    def __reduce__(self):
        return os.abort, ()


HOSTILE = {
    "nothing": (b"", "cannot be used"),
    "text": (b"hello, this is not a zip", "cannot be used"),
    "pickled object": ({"w.npy": npy(np.array([Bomb()], object))}, "Object arrays cannot be loaded"),
    "plain pickle": ({"w.npy": b"cos\nabort\n(tR."}, "cannot be used"),
    "texts": ({"w.npy": npy(np.array(["a"]))}, "'w' holds <U1, not numbers"),
    "dates": ({"w.npy": npy(np.array(["2020"], "M8[D]"))}, "not numbers"),
    "records": ({"w.npy": npy(np.zeros(2, [("a", "f4")]))}, "not numbers"),
    "an absurd shape": ({"w.npy": header("(99999999999999,)")}, "cannot be used"),
    "a negative shape": ({"w.npy": header("(-1,)")}, "cannot be used"),
    "an overflowing shape": (
        {"w.npy": header("(4294967296, 4294967296)")}, "cannot be used"
    ),
    "code in a header": ({"w.npy": header("__import__('os').abort()")}, "cannot be used"),
    "another member": ({"../../evil.sh": b"rm"}, "holds '../../evil.sh', which is no array"),
    "no JSON": ({archive.WORDS: b"{", "w.npy": npy(1.0)}, "cannot be used"),
    "JSON without a sum": ({archive.WORDS: b"{}", "w.npy": npy(1.0)}, "cannot be used"),
    "a list for words": ({archive.WORDS: b"[]", "w.npy": npy(1.0)}, "cannot be used"),
    "endless nesting": ({archive.WORDS: b"[" * 10**5, "w.npy": npy(1.0)}, "cannot be used"),
    "a wrong sum": ({archive.WORDS: b'{"sha256": "00"}', "w.npy": npy(1.0)}, "checksum differs"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_npz_is_one_clear_error(tmp_path, name):
    content, match = HOSTILE[name]
    path = tmp_path / "bad.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        npz(path, **content)
    refused(path, *trained(0), match=match)
    with pytest.raises(CheckpointError, match="cannot be used"):
        nn.load_state(path)
    assert os.listdir(tmp_path) == ["bad.npz"]


def test_a_compressed_npz_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("w.npy", bytes(10**7))
    assert path.stat().st_size < 20_000
    refused(path, *trained(0), match="its members are compressed")


def test_members_that_lie_on_each_other_or_have_one_name(tmp_path):
    path = tmp_path / "bad.npz"
    npz(path, **{f"{i}.npy": npy(np.zeros(1000)) for i in range(2)})
    with zipfile.ZipFile(path, "a") as file:
        for i in range(2, 200):
            twin = zipfile.ZipInfo(f"{i}.npy")
            first = file.infolist()[0]
            twin.file_size = twin.compress_size = first.file_size
            twin.CRC, twin.header_offset, twin.create_version = first.CRC, 0, first.create_version
            file.filelist.append(twin)
        file._didModify = True
    refused(path, *trained(0), match="claim to be larger than the file|cannot be used")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("w.npy", npy(1.0))
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("w.npy", npy(2.0))
    refused(path, *trained(0), match="two of its members have one name")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 8, b"\x02" + bytes(7) + b"{}", (10**6).to_bytes(8, "little") + b"{}"]
    + [len(text).to_bytes(8, "little") + text + bytes(8) for text in (
        b'{"w":{"dtype":"F64","shape":[9999999999],"data_offsets":[0,8]}}',
        b'{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,80]}}',
        b'{"w":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}',
        b'{"w":{"dtype":"O","shape":[1],"data_offsets":[0,8]}}',
        b'{"w":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"v":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}',
    )],
)  # fmt: skip
def test_a_hostile_safetensors_is_one_clear_error(tmp_path, content):
    pytest.importorskip("safetensors")
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    refused(path, *trained(0), match="cannot be used|does not fit")


@both
def test_another_model_is_refused(tmp_path, ending):
    path = tmp_path / f"m{ending}"
    nn.save(path, Net(0, features=5), nn.Adam(Net(0, features=5)))
    refused(path, *trained(1), match=r"does not fit: .*mlp\.layers\.0\.weight has shape \(4, 5\), expected \(4, 3\)")
    model, optimizer = trained(0)
    nn.save(path, model)
    refused(path, *trained(1), match="holds no optimiser's state")
    nn.save(path, model, optimizer)
    wider = Net(1)
    refused(path, wider, nn.SGD(wider, momentum=0.5), match="does not fit: load_state_dict: SGD lacks in the state")
    nn.save(path, nn.MLP(3, [4, 2]))
    refused(path, *trained(1), match="does not fit: load_state_dict: Net lacks in the state: .*mlp.layers.0.bias")
    silent = Net(0)
    del silent.rng
    nn.save(path, silent, epoch=1)
    refused(path, Net(1), match="does not fit: Net has generators .*rng.*, the file none")
    silent.rng = np.random.Generator(np.random.MT19937(0))
    nn.save(path, silent)
    refused(path, Net(1), match="does not fit: .*PCG64")


@pytest.mark.parametrize(("name", "value"), [("scale", np.array(1)), ("running_mean", np.zeros(3, complex))])
def test_numbers_of_another_kind_are_refused(tmp_path, name, value):
    np.savez(tmp_path / "m.npz", **{**Net().state_dict(), name: value})
    refused(tmp_path / "m.npz", *trained(1)[:1], match=f"does not fit: {name} holds {value.dtype}, expected float64")


# the caller's mistakes


def test_what_cannot_be_saved_is_refused_and_nothing_is_written(tmp_path):
    for path in (tmp_path / "model", tmp_path / "model.pkl", str(tmp_path / "model.h5")):
        with pytest.raises(ArgumentError, match=r"ends in \.npz or \.safetensors"):
            nn.save(path, Net())
        with pytest.raises(ArgumentError, match=r"ends in \.npz or \.safetensors"):
            nn.load(path, Net())
    for extra in (np.array(["text"]), np.array([None]), np.zeros(1, "M8[s]")):
        with pytest.raises(ArgumentError, match=r"'extra/data' is an array of .*a checkpoint holds numbers"):
            nn.save(tmp_path / "m.npz", Net(), data=extra)
    for extra in ({1, 2}, nn.Linear(1, 1), {"a": [print]}):
        with pytest.raises(ArgumentError, match="must be JSON"):
            nn.save(tmp_path / "m.npz", Net(), data=extra)
    assert os.listdir(tmp_path) == []


def test_no_file_is_the_usual_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.load(tmp_path / "none.npz", Net())
    with pytest.raises(FileNotFoundError):
        nn.save(tmp_path / "none" / "m.npz", Net())


def test_without_safetensors_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    (tmp_path / "m.safetensors").write_bytes(b"")
    for action in (
        lambda: nn.save(tmp_path / "n.safetensors", Net()),
        lambda: nn.load(tmp_path / "m.safetensors", Net()),
    ):
        with pytest.raises(MissingExtraError, match=r"glassgrad\[io\]"):
            action()
    assert os.listdir(tmp_path) == ["m.safetensors"]

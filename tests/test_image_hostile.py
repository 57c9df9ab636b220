"""Nothing that a file can hold does more than one line."""

import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.image_layouts import (
    COLOUR,
    GREY,
    WRITERS,
    encoded,
    files,
    opened,
    packed,
    written,
)
from tests.image_runs import refused
from toylab.image.__main__ import main
from toylab.image.layouts import common


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


def empty(file):
    file.write_bytes(b"")


def noise(file):
    rng = np.random.default_rng(0)
    file.write_bytes(rng.integers(0, 256, file.stat().st_size, np.uint8).tobytes())


def swapped(file):
    """The second half of another file of the same kind of bytes: damaged in the middle."""
    content = bytearray(file.read_bytes())
    half = len(content) // 2
    content[half : half + 64] = bytes(255 - byte for byte in content[half : half + 64])
    file.write_bytes(content)


# Bytes of a pixel turned over are another image: what has no sum inside cannot tell. Of an lmdb and
# its WebP images the same holds, and half way through its file lies a page out of use.
NO_SUM = ("idx", "cifar", "npy", "lmdb")


SPOILT = [
    pytest.param(what, spoil, id=f"{what}-{spoil.__name__}")
    for what in WRITERS
    for spoil in (cut, empty, noise, swapped)
    if not (spoil is swapped and what in NO_SUM)
]


@pytest.mark.parametrize("what, spoil", SPOILT)
def test_a_spoilt_file_is_named_in_one_line(what, spoil, short, capsys):
    address, _, file = written(what, short)
    spoil(file)
    told = refused(capsys, "data", "check", address)
    assert str(file.name) in told or str(file.parent) in told, told


def test_a_damaged_lmdb_cannot_end_the_process(short, capsys):
    """Of these, read by lmdb in this process, several end it: bus error, broken off, aborted."""
    address, _, file = written("lmdb", short)
    good, ended = file.read_bytes(), set()
    for seed in range(1, 25, 2):
        rng, content = np.random.default_rng(seed), bytearray(file.read_bytes())
        page = rng.integers(0, len(good) // 4096)
        for _ in range(rng.integers(1, 8)):
            content[page * 4096 + rng.integers(0, 64)] = rng.integers(0, 256)
        file.write_bytes(content)
        ended.add(main(["data", "check", address]))
        assert len(capsys.readouterr().err.splitlines()) <= 1
        file.write_bytes(good)
    assert ended == {0, 2}


class Trap:
    """Unpickling it makes a folder."""

    def __reduce__(self):
        return os.mkdir, ("sprung",)


def bomb(width=60000, height=60000):
    """A few hundred bytes that say they are 3.6 billion pixels."""
    content = bytearray(encoded(GREY[0]))
    content[16:24] = struct.pack(">II", width, height)
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def zip_of(**members):
    def make(folder):
        with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("__", "/").replace("_up_", "../"), content)
        return "zip:a.zip"

    return make


def zip_escape(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("../../evil.png", encoded(GREY[0]))
    return "zip:a.zip"


def zip_absolute(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("/etc/evil.png", encoded(GREY[0]))
    return "zip:a.zip"


def zip_bomb(folder):
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(common.LARGEST_FILE + 1))
    return "zip:a.zip"


def zip_image_bomb(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.png", bomb())
    return "zip:a.zip"


def folder_image_bomb(folder):
    (folder / "f").mkdir()
    (folder / "f" / "a.png").write_bytes(bomb())
    return "folder:f"


def folder_large(folder):
    """Below Pillow's own limit, above ours."""
    (folder / "f").mkdir()
    (folder / "f" / "a.png").write_bytes(bomb(8000, 8000))
    return "folder:f"


def folder_postscript(folder):
    """Pillow would start Ghostscript for it."""
    (folder / "f").mkdir()
    (folder / "f" / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    return "folder:f"


def folder_sixteen(folder):
    (folder / "f").mkdir()
    Image.fromarray(GREY[0, 0].astype(np.uint16) * 257).save(folder / "f" / "a.png")
    return "folder:f"


def folder_uneven(folder):
    files(folder, COLOUR)
    (folder / "z.png").write_bytes(encoded(COLOUR[0, :, :20]))
    return "folder:."


def folder_none(folder):
    (folder / "f").mkdir()
    return "folder:f"


def idx_promise(folder):
    (folder / "a").write_bytes(struct.pack(">IIII", 0x803, 2**31, 2**15, 2**15) + bytes(100))
    return "idx:a"


def idx_bomb(folder):
    """Packed zeros behind a header that promises little."""
    content = struct.pack(">IIII", 0x803, 1, 8, 8) + bytes(2**22)
    (folder / "a").write_bytes(gzip.compress(content))
    return "idx:a"


def idx_labels(folder):
    (folder / "a").write_bytes(struct.pack(">II", 0x801, 4) + bytes(4))
    return "idx:a"


def npz_pickle(folder):
    np.savez(folder / "a.npz", images=np.array([Trap()], object))
    return "npz:a.npz"


def npy_pickle(folder):
    np.save(folder / "a.npy", np.array([Trap()], object), allow_pickle=True)
    return "npz:a.npy"


def npz_promise(folder):
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (2**20, 3, 2**10, 2**10)}
    np.lib.format.write_array_header_1_0(buffer, header)
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr("images.npy", buffer.getvalue())
    return "npz:a.npz"


def npz_floats(folder):
    np.savez(folder / "a.npz", images=np.zeros((2, 8, 8)))
    return "npz:a.npz"


def parquet_pickle(folder):
    pq.write_table(pa.table({"image": [pickle.dumps(Trap())]}), folder / "a.parquet")
    return "parquet:a.parquet"


def parquet_path(folder):
    """A row that names a file elsewhere in place of an image's bytes."""
    (folder / "a.png").write_bytes(encoded(GREY[0]))
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = pa.array([{"bytes": None, "path": str((folder / "a.png").resolve())}], kind)
    pq.write_table(pa.table({"image": rows}), folder / "a.parquet")
    return "parquet:a.parquet"


def parquet_bomb(folder):
    pq.write_table(pa.table({"image": [bomb()]}), folder / "a.parquet")
    return "parquet:a.parquet"


def parquet_numbers(folder):
    pq.write_table(pa.table({"image": [1, 2]}), folder / "a.parquet")
    return "parquet:a.parquet"


def lmdb_bomb(folder):
    with lmdb.open("l", map_size=2**20) as held, held.begin(write=True) as transaction:
        transaction.put(b"key-7", bomb())
    return "lmdb:l"


def cifar_pickle(folder):
    (folder / "data_batch_1").write_bytes(pickle.dumps(Trap()))
    return "cifar:."


def cifar_label(folder):
    (folder / "data_batch_1.bin").write_bytes(b"\x0b" + bytes(3072))
    return "cifar:."


def tar_escape(folder):
    """Nothing is unpacked, so a member that would lie elsewhere is only a strange name."""
    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../../data_batch_1.bin")
        member.size = 5
        archive.addfile(member, io.BytesIO(b"12345"))
    return "cifar:a.tar.gz"


def packed_elsewhere(folder):
    packed(folder, GREY)
    (folder / "p" / "images.npy").rename(folder / "secret.npy")
    (folder / "p" / "images.npy").symlink_to((folder / "secret.npy").resolve())
    return "packed:p"


def packed_pickle(folder):
    packed(folder, GREY)
    np.save(folder / "p" / "images.npy", np.array([Trap()], object), allow_pickle=True)
    return "packed:p"


def packed_other(folder):
    packed(folder, GREY)
    np.save(folder / "p" / "images.npy", COLOUR)
    return "packed:p"


def packed_form(folder):
    packed(folder, GREY)
    manifest = json.loads((folder / "p" / "manifest.json").read_text())
    (folder / "p" / "manifest.json").write_text(json.dumps({**manifest, "format": "else"}))
    return "packed:p"


HOSTILE = {
    zip_escape: "leads out of the archive",
    zip_absolute: "leads out of the archive",
    zip_bomb: "unpacks to",
    zip_image_bomb: "a.zip/a.png: more than 33,554,432 pixels",
    folder_image_bomb: "a.png: more than 33,554,432 pixels",
    folder_large: "a.png: more than 33,554,432 pixels",
    folder_postscript: "a.png: not a whole image (is none)",
    folder_sixteen: "a.png: pixels of kind I;16, not of 8 bits",
    folder_uneven: "z.png: shape (3, 20, 32), but",
    folder_none: "holds no images",
    idx_promise: "promises",
    idx_bomb: "a: promises 1×8×8 = 64 bytes, holds",
    idx_labels: "not an IDX file of images (it begins 00000801)",
    npz_pickle: "a pickle, which can run code",
    npy_pickle: "a pickle, which can run code",
    npz_promise: "and does not hold them",
    npz_floats: "must be uint8 (0…255), got float64",
    parquet_pickle: "a.parquet, row 0: not a whole image (is none)",
    parquet_path: "row 0: has no bytes of an image",
    parquet_bomb: "a.parquet, row 0: more than 33,554,432 pixels",
    parquet_numbers: "no column of encoded images",
    lmdb_bomb: "key-7: more than 33,554,432 pixels",
    cifar_pickle: "take the binary version",
    cifar_label: "not whole records of a label 0…9",
    tar_escape: "not whole records",
    packed_elsewhere: "leads out of its folder",
    packed_pickle: "not a whole array of bytes",
    packed_other: "its manifest says",
    packed_form: "of form 'else'",
}


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_hostile_files_end_in_one_line(make, short, capsys):
    """Looked at and trained from; nothing is written beside them, nothing of theirs is run."""
    address = make(short)
    before = sorted(short.rglob("*"))
    for words in (["data", "check", address], ["train", "digits-smoke", f"data={address}"]):
        assert HOSTILE[make] in refused(capsys, *words)
    assert sorted(short.rglob("*")) == before


def test_the_trap_would_have_sprung(short):
    """What the tests above refuse does run where it is read carelessly."""
    npz_pickle(short)
    np.load("a.npz", allow_pickle=True)["images"]
    assert Path("sprung").is_dir()


# What comes packed, and packs


@pytest.mark.parametrize("what", ["idx", "cifar", "npz", "csv"])
def test_a_bomb_that_its_header_admits_is_not_unpacked(what, short, monkeypatch, capsys):
    """Zeros, packed a thousand times smaller: what they take is said before it is taken."""
    zeros = np.zeros((4000, 1, 28, 28), np.uint8)
    if what == "idx":
        head = struct.pack(">IIII", 0x803, 4000, 28, 28)
        (short / "a").write_bytes(gzip.compress(head + zeros.tobytes()))
    elif what == "npz":
        np.savez_compressed(short / "a", images=zeros)
        (short / "a.npz").rename(short / "a")
    elif what == "csv":
        rows = b"0," * 784 + b"0\n"
        (short / "a").write_bytes(gzip.compress(rows * 4000))
    else:
        record = np.zeros((250, 3073), np.uint8).tobytes()
        with tarfile.open(short / "a.tar.gz", "w:gz") as archive:
            for number in range(1, 5):
                member = tarfile.TarInfo(f"data_batch_{number}.bin")
                member.size = len(record)
                archive.addfile(member, io.BytesIO(record))
    address = f"{what}:a.tar.gz" if what == "cifar" else f"{what}:a"
    assert main(["data", "info", address]) == 0
    capsys.readouterr()
    monkeypatch.setattr(common, "budget", lambda: 2_000_000)
    assert "half of this machine's memory" in refused(capsys, "data", "info", address)


def test_a_failed_pack_leaves_nothing(short, capsys):
    address = folder_uneven(short)
    before = sorted(Path(".").rglob("*"))
    assert "z.png" in refused(capsys, "data", "pack", address, "p")
    assert sorted(Path(".").rglob("*")) == before
    assert main(["data", "pack", address, "p", "--size", "16"]) == 0
    assert opened("packed:p").pixels.shape == (11, 3, 16, 16)
    assert "exists already" in refused(capsys, "data", "pack", address, "p", "--size", "16")


def test_a_damaged_pack_is_found_by_its_sum(short, capsys):
    address, _, file = written("packed", short)
    with open(file, "r+b") as opened_file:
        opened_file.seek(-1, os.SEEK_END)
        opened_file.write(b"\0")
    assert "sha256" in refused(capsys, "data", "check", address)

"""Every layout gives the same images, and nothing that a file can hold does more than one line."""

import gzip
import io
import itertools
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
from sklearn.datasets import load_digits, load_sample_image

from tests.image_runs import refused
from toylab.image import config, data
from toylab.image.__main__ import main
from toylab.image.layouts import FORMATS, common
from toylab.image.pixels import SCALINGS, DataError
from toylab.image.sources import Ahead, Resident
from toylab.randomness import Keys

GREY = np.rint(load_digits().images[:10, None] * (255 / 16)).astype(np.uint8)
_PHOTO = load_sample_image("china.jpg")
COLOUR = np.stack(
    [
        _PHOTO[y : y + 32, x : x + 32].transpose(2, 0, 1)
        for y in (150, 200)
        for x in range(0, 160, 32)
    ]
)


def encoded(image, kind="PNG", **how):
    """The bytes of an image file."""
    buffer, rows = io.BytesIO(), image.transpose(1, 2, 0)
    Image.fromarray(rows[..., 0] if len(image) == 1 else rows).save(buffer, kind, **how)
    return buffer.getvalue()


# Writers: (folder, images) -> what the address names


def idx(folder, images):
    path = folder / "images-idx3-ubyte"
    path.write_bytes(struct.pack(">IIII", 0x803, *images[:, 0].shape) + images.tobytes())
    return path


def idx_gz(folder, images):
    """As Debian's package has them: a folder with both parts, packed."""
    content = gzip.compress(idx(folder, images).read_bytes())
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"not this one")
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    return folder


def cifar(folder, images):
    """In two batches, each record with its label first."""
    for number, part in enumerate(np.split(images, 2), 1):
        records = b"".join(bytes([i]) + image.tobytes() for i, image in enumerate(part))
        (folder / f"data_batch_{number}.bin").write_bytes(records)
    return folder


def cifar_tar(folder, images):
    path = folder / "cifar-10-binary.tar.gz"
    (folder / "cifar-10-batches-bin").mkdir()
    with tarfile.open(path, "w:gz") as archive:
        archive.add(cifar(folder / "cifar-10-batches-bin", images), "cifar-10-batches-bin")
    return path


def files(folder, images):
    """Of three kinds without loss, in two folders."""
    (folder / "a").mkdir()
    for number, image in enumerate(images):
        kind = ("png", "bmp", "ppm")[number % 3]
        name = f"a/{number}.{kind}" if number < 7 else f"b{number}.{kind}"
        (folder / name).write_bytes(encoded(image, kind.upper()))
    (folder / "notes.txt").write_text("not an image")
    return folder


def zipped(folder, images):
    with zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("notes.txt", "not an image")
        for number, image in reversed([*enumerate(images)]):
            archive.writestr(f"deep/{number}.png", encoded(image))
    return folder / "images.zip"


def lsun(folder, images):
    with lmdb.open(str(folder), map_size=2**20) as held, held.begin(write=True) as transaction:
        for number, image in enumerate(images):
            transaction.put(b"%040d" % number, encoded(image, "WEBP", lossless=True))
    (folder / "lock.mdb").unlink()
    return folder


def hugging(folder, images):
    """In two files, as a struct of bytes and path beside a label."""
    for number, part in enumerate(np.split(images, 2)):
        rows = [{"bytes": encoded(image), "path": f"{i}.png"} for i, image in enumerate(part)]
        table = pa.table({"label": list(range(len(part))), "image": rows})
        pq.write_table(table, folder / f"train-0000{number}-of-00002.parquet")
    (folder / "test-00000-of-00001.parquet").write_bytes(b"not this one")
    return folder


def parquet(folder, images):
    pq.write_table(pa.table({"jpg": [encoded(image) for image in images]}), folder / "a.parquet")
    return folder / "a.parquet"


def npz(folder, images):
    np.savez_compressed(
        folder / "a.npz", x_train=images.transpose(0, 2, 3, 1), x_test=images[:1], labels=[1.5]
    )
    return folder / "a.npz"


def npy(folder, images):
    np.save(folder / "a.npy", np.asfortranarray(images))
    return folder / "a.npy"


def csv(folder, images):
    rows = np.column_stack([images.reshape(len(images), -1), np.arange(len(images))])
    with gzip.open(folder / "a.csv.gz", "wt") as file:
        np.savetxt(file, rows, "%d", delimiter=",")
    return folder / "a.csv.gz"


def packed(folder, images):
    np.save(folder / "a.npy", images)
    assert main(["data", "pack", f"npz:{folder / 'a.npy'}", str(folder / "p")]) == 0
    return folder / "p"


WRITERS = {  # what: (layout, writer, the images that it can hold, the file to be spoilt)
    "idx": ("idx", idx, GREY, "images-idx3-ubyte"),
    "idx.gz": ("idx", idx_gz, GREY, "train-images-idx3-ubyte.gz"),
    "cifar": ("cifar", cifar, COLOUR, "data_batch_2.bin"),
    "cifar.tar.gz": ("cifar", cifar_tar, COLOUR, "cifar-10-binary.tar.gz"),
    "folder grey": ("folder", files, GREY, "a/3.png"),
    "folder": ("folder", files, COLOUR, "a/3.png"),
    "zip": ("zip", zipped, COLOUR, "images.zip"),
    "lmdb": ("lmdb", lsun, COLOUR, "data.mdb"),
    "hugging": ("parquet", hugging, COLOUR, "train-00001-of-00002.parquet"),
    "parquet": ("parquet", parquet, GREY, "a.parquet"),
    "npz": ("npz", npz, COLOUR, "a.npz"),
    "npy": ("npz", npy, GREY, "a.npy"),
    "csv": ("csv", csv, GREY, "a.csv.gz"),
    "packed": ("packed", packed, COLOUR, "p/images.npy"),
    "manifest": ("packed", packed, GREY, "p/manifest.json"),
}


def written(what, folder):
    """(address, images, file) of the images in this layout."""
    layout, write, images, spoilt = WRITERS[what]
    return f"{layout}:{write(folder, images)}", images, folder / spoilt


def opened(address, **settings):
    return data.opened(config.Settings(data=address, **settings))


@pytest.fixture
def short(tmp_path, monkeypatch):
    """A folder with a short name, so that a message stays one line."""
    monkeypatch.chdir(tmp_path)
    return Path(".")


def test_every_layout_is_written():
    assert {layout for layout, *_ in WRITERS.values()} == set(FORMATS)


@pytest.mark.parametrize("what", WRITERS)
def test_the_same_images_come_back_from_every_layout(what, short):
    """Byte for byte, in order; and then every batch is that of an array in memory."""
    address, images, _ = written(what, short)
    found = opened(address)
    assert found.pixels.dtype == np.uint8 and np.array_equal(found.pixels, images)
    reference = data.Images(images, "dequantised", flips=True)
    batch = opened(address, scaling="dequantised", flips=True).sample(23, Keys(3, "x", 2, 46))
    assert np.array_equal(batch, reference.sample(23, Keys(3, "x", 2, 46)))
    assert found.fingerprint == data.Images(images).fingerprint


# Hostile files


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


# What becomes of an image


def test_crops_and_sizes_are_pillow_s_own(short):
    address, images, _ = written("folder", short)
    cropped = opened(address, crop=20).pixels
    assert np.array_equal(cropped, images[:, :, 6:26, 6:26])
    smaller = opened(address, crop=20, size=10, channels="grey").pixels
    picture = Image.fromarray(images[4].transpose(1, 2, 0)).convert("L").crop((6, 6, 26, 26))
    assert np.array_equal(smaller[4, 0], np.asarray(picture.resize((10, 10), Image.BILINEAR)))
    wide = opened("folder:.", crop=0, size=16).pixels
    assert wide.shape == (10, 3, 16, 16)


def test_celeba_s_crop_takes_the_middle_of_a_tall_image(short):
    """178×218 with crop=108: columns 35…142, rows 55…162, as DCGAN's code cuts them."""
    rows, columns = np.mgrid[:218, :178]
    picture = np.stack([rows, columns, rows], -1).astype(np.uint8)
    Image.fromarray(picture).save("a.png")
    found = opened("folder:.", crop=108).pixels[0]
    assert found.shape == (3, 108, 108)
    assert found[0, 0, 0] == 55 and found[1, 0, 0] == 35 and found[0, -1, 0] == 162


def test_scalings_are_the_papers(short):
    address, images, _ = written("npz", short)
    plain = opened(address).points
    np.testing.assert_allclose(plain, images / 127.5 - 1, atol=1e-6)
    own = opened(address, scaling="standardised")
    np.testing.assert_allclose(own.points, (images / 255 - 0.1307) / 0.3081, atol=1e-5)
    keys = Keys(0, "x", 0, 0)
    noisy = opened(address, scaling="dequantised").sample(10, keys)
    bytes_ = opened(address).sample(10, keys)
    low = 2 * (np.rint((bytes_ + 1) * 127.5) / 256 - 0.5)
    extra = (noisy - low) * 128
    assert extra.min() > -1e-4 and extra.max() < 1 + 1e-4
    assert abs(extra.mean() - 0.5) < 0.02 and abs(extra.var() - 1 / 12) < 0.005


@pytest.mark.parametrize("scaling", SCALINGS)
def test_numbers_are_shown_as_the_bytes_they_came_from(scaling):
    images = data.Images(COLOUR, scaling)
    assert np.array_equal(images.to_bytes(images.points), COLOUR)
    numbers = images.sample(10, Keys(1, "x"))
    plain = data.Images(COLOUR)
    bytes_ = plain.to_bytes(plain.sample(10, Keys(1, "x"))).astype(int)
    off = np.abs(images.to_bytes(numbers) - bytes_).max()
    assert off <= (scaling == "dequantised")


def test_half_of_the_images_are_mirrored_anew_each_time():
    images = data.Images(COLOUR, flips=True)
    plain = data.Images(COLOUR)
    counts, mixed = np.zeros(10), 0
    for block in range(200):
        keys = Keys(0, "x", block, 10 * block)
        batch, same = images.sample(10, keys), plain.sample(10, keys)
        mirrored = (batch == same[..., ::-1]).all((1, 2, 3))
        assert (mirrored | (batch == same).all((1, 2, 3))).all()
        counts += mirrored
        mixed += 0 < mirrored.sum() < 10
    assert (np.abs(counts - 100) < 30).all()  # 200 coins each: 4 σ are 28
    assert mixed > 190  # a coin an image: ten agree once in 512 batches


# Where the bytes lie


def test_a_set_in_memory_on_a_device_and_in_a_file_are_one(short, monkeypatch):
    """The map with its worker gives what the array gives, whatever is asked for in which order."""
    address, images, _ = written("packed", short)
    whole = opened(address)
    assert isinstance(whole, data.Images) and not isinstance(whole.pixels, np.memmap)
    monkeypatch.setattr(data, "budget", lambda: 1000)
    ahead = opened(address)
    assert isinstance(ahead, Ahead) and isinstance(ahead.images.pixels, np.memmap)
    assert ahead.fingerprint == whole.fingerprint
    held = Resident(whole, "cpu")
    asked = [(4, Keys(0, "a", b, 4 * b)) for b in (0, 1, 2, 7, 8)]
    asked += [(3, Keys(0, "b", 0, 0)), (4, Keys(0, "a", 9, 36)), (5, Keys(1, "b", 1, 3))]
    for n, keys in asked:
        reference = whole.sample(n, keys)
        assert np.array_equal(ahead.sample(n, keys), reference)
        assert np.array_equal(held.sample(n, keys).numpy(), reference)
    assert ahead.foreseen == 4  # blocks 1, 2, 8, 9 of a


def test_too_many_images_for_the_memory_are_to_be_packed(short, monkeypatch, capsys):
    address, _, _ = written("folder", short)
    monkeypatch.setattr(common, "budget", lambda: 1000)
    assert "data pack" in refused(capsys, "data", "info", address)


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


def test_parts_kept_apart_are_found_or_refused(short, capsys):
    address, images, _ = written("npz", short)
    test = data.opened(config.Settings(data=address), "test")
    assert np.array_equal(test.pixels, images[:1])
    (short / "z").mkdir()
    zipped(short / "z", COLOUR)
    told = refused(capsys, "data", "info", "zip:z/images.zip", "--split", "test")
    assert "has no test part" in told
    assert "has 10" in refused(capsys, "data", "info", address, "--images", "11")
    assert np.array_equal(opened(address, images=4).pixels, images[:4])


ONE_PART = ("idx", "folder", "zip", "lmdb", "parquet", "npy", "csv", "packed")


@pytest.mark.parametrize("what", ONE_PART)
def test_images_to_train_with_are_never_called_a_test_part(what, short, capsys):
    address, _, _ = written(what, short)
    assert "has no test part" in refused(capsys, "data", "info", address, "--split", "test")


def test_a_file_is_a_test_part_where_its_name_says_so(short, capsys):
    """One file of MNIST's, one of CIFAR-10's; and folders that lack theirs."""
    idx(short, GREY).rename("t10k-images-idx3-ubyte")
    cifar(short, COLOUR)
    (short / "data_batch_1.bin").rename("test_batch.bin")
    for address, images in (
        ("idx:t10k-images-idx3-ubyte", GREY),
        ("cifar:test_batch.bin", COLOUR[:5]),
    ):
        test = data.opened(config.Settings(data=address), "test")
        assert np.array_equal(test.pixels, images)
    (short / "none").mkdir()
    (short / "data_batch_2.bin").rename("none/data_batch_2.bin")
    for address in ("cifar:none/data_batch_2.bin", "cifar:none", "idx:none"):
        assert "has no test part" in refused(capsys, "data", "info", address, "--split", "test")


def test_an_npz_has_the_part_that_a_key_names(short, capsys):
    np.savez(short / "a.npz", images=GREY, test_images=GREY[:3])
    np.savez(short / "b.npz", images=GREY, x=GREY)
    assert np.array_equal(data.opened(config.Settings(data="npz:a.npz"), "test").pixels, GREY[:3])
    assert np.array_equal(opened("npz:a.npz").pixels, GREY)
    assert "has no test part" in refused(capsys, "data", "info", "npz:b.npz", "--split", "test")


def test_few_images_to_train_with_leave_the_test_part_whole(short, capsys):
    """A setting of the run; whoever asks for a few of the part itself gets them."""
    np.savez(short / "a.npz", x_train=GREY, x_test=GREY[:7])
    settings = config.Settings(data="npz:a.npz", images=3)
    assert [len(data.opened(settings, split)) for split in ("train", "test")] == [3, 7]
    words = ["data", "info", "npz:a.npz", "--split", "test", "--images", "2"]
    assert main(words) == 0 and "2 images" in capsys.readouterr().out


def zip_of_names(folder, *names):
    """The images of `GREY` under these names, then what a Mac puts beside them."""
    with zipfile.ZipFile(folder / "mac.zip", "w") as held:
        for name, image in zip(names, GREY, strict=False):
            held.writestr(name, encoded(image))
        for name in ("__MACOSX/photos/._a.png", "__MACOSX/b.png", "photos/.c.png"):
            held.writestr(name, b"no image")
        for name in ("album.png/", "./", "."):
            held.writestr(name, b"")
    return "zip:mac.zip"


def test_a_zip_made_on_a_mac_has_the_images_that_it_shows(short, capsys):
    address = zip_of_names(short, "album.png/b.png", "photos/a.png")
    assert np.array_equal(opened(address).pixels, GREY[:2])
    assert main(["data", "check", address]) == 0
    assert "holds no images" in refused(capsys, "data", "check", zip_of_names(short))


def test_a_row_is_more_than_a_label(short, capsys):
    (short / "a.csv").write_text("1\n2\n")
    assert "a square image and a label" in refused(capsys, "data", "info", "csv:a.csv")


def test_a_pack_at_home_is_checked_there(short, monkeypatch, capsys):
    packed(short, GREY)
    monkeypatch.setenv("HOME", str(short.resolve()))
    assert main(["data", "check", "packed:~/p"]) == 0


def test_a_named_set_is_read_from_the_folder_of_sets(short, monkeypatch):
    """Before any other place; a folder of faces without the picture that is no face."""
    monkeypatch.setenv("TOYLAB_DATA", str(short.resolve()))
    (short / "fashion-mnist").mkdir()
    idx_gz(short / "fashion-mnist", GREY)
    assert np.array_equal(opened("fashion-mnist").pixels, GREY)
    (short / "orl-faces" / "s1").mkdir(parents=True)
    (short / "orl-faces" / "s1" / "1.pgm").write_bytes(encoded(GREY[0], "PPM"))
    (short / "orl-faces" / "target.jpg").write_bytes(encoded(COLOUR[0], "JPEG"))
    assert np.array_equal(opened("orl-faces").pixels, GREY[:1])
    with pytest.raises(data.DataError, match="cifar10: not found in .* data download cifar10"):
        opened("cifar10")


def test_fashion_mnist_is_found_where_debian_s_package_puts_it(short, monkeypatch):
    """All 70,000: in both parts, with the mean that they are known for."""
    if not Path("/usr/share/datasets/fashion-mnist").is_dir():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    monkeypatch.setenv("TOYLAB_DATA", str(short))
    train = opened("fashion-mnist")
    test = data.opened(config.Settings(data="fashion-mnist"), "test")
    assert train.pixels.shape == (60000, 1, 28, 28) and test.pixels.shape == (10000, 1, 28, 28)
    assert abs(train.pixels.mean() - 72.94) < 0.005


# Threads that decode


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_images_come_in_order_and_with_the_first_error_whoever_decodes(threads):
    """The same images and the same first error, also where later ones are ready sooner."""
    import threading

    released = threading.Event()

    def slow(number):
        if number == 0 and threads > 1:
            assert released.wait(60)  # the others are done before it
        if number == 3:
            released.set()
        if number in (7, 8):
            raise DataError(f"image {number}")
        return number**2

    assert [*common.in_order(slow, range(6), threads)] == [n**2 for n in range(6)]
    seen = []
    with pytest.raises(DataError, match="image 7"):
        seen += [0]
        for found in common.in_order(slow, range(10), threads):
            seen.append(found)
    assert seen == [0, *(n**2 for n in range(7))]

    def source():
        yield from range(9)
        raise DataError("the archive broke off")

    with pytest.raises(DataError, match="image 7"):
        [*common.in_order(slow, source(), threads)]
    with pytest.raises(DataError, match="broke off"):
        [*common.in_order(lambda number: number, source(), threads)]


def test_no_more_is_decoded_than_is_asked_for_soon():
    """Of a set without end a few images are taken ahead, and none after the last one wanted."""
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield number

    found = common.in_order(lambda number: number, endless(), 3)
    assert [next(found) for _ in range(5)] == [0, 1, 2, 3, 4]
    found.close()
    assert len(taken) <= 5 + common.AHEAD * 3 + 1


@pytest.mark.parametrize("threads", [1, 4])
def test_many_threads_read_the_same_bits_and_name_the_broken_file(threads, tmp_path, monkeypatch):
    """Forty JPEGs resized to 24 pixels; with two of them cut short the first by name is told."""
    monkeypatch.setattr(common, "workers", lambda: threads)
    photos = [np.roll(COLOUR[n % 10], n, 2) for n in range(40)]
    for number, photo in enumerate(photos):
        (tmp_path / f"{number:02d}.jpg").write_bytes(encoded(photo, "JPEG", quality=90))
    settings = config.Settings(data=f"folder:{tmp_path}", size=24)
    found = data.opened(settings).pixels
    for number in (0, 13, 39):
        with Image.open(tmp_path / f"{number:02d}.jpg") as image:
            wanted = image.convert("RGB").resize((24, 24), Image.Resampling.BILINEAR)
        assert np.array_equal(found[number], np.asarray(wanted).transpose(2, 0, 1))
    for number in (30, 12):
        path = tmp_path / f"{number:02d}.jpg"
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"12\.jpg: not a whole image"):
        data.opened(settings)

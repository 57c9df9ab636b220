"""The same ten real images, written in every layout that can hold them."""

import gzip
import io
import struct
import tarfile
import zipfile

import lmdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from toylab.image import config, data
from toylab.image.__main__ import main

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

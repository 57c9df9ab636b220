"""``data``: look at images, check them, write them to a packed folder, fetch a set.

python -m toylab.image data info cifar10
python -m toylab.image data check folder:photos --size 64
python -m toylab.image data pack folder:photos photos-64 --size 64
python -m toylab.image data download cifar10
"""

from toylab.image import config, data, download
from toylab.image.commands import report, reports, told
from toylab.image.layouts import packed
from toylab.image.pixels import Form


def arguments(parser):
    """Declares the command's arguments."""
    doing = parser.add_subparsers(dest="doing", required=True, metavar="WHAT")
    for name, words in (
        ("info", "how many images of which shape"),
        ("check", "the same, after every image was read and decoded"),
        ("pack", "write them as bytes for a memory map"),
        ("download", "fetch a set, or Inception's weights, checked by their sha256"),
        ("sets", "the sets that have a name, and where they are looked for"),
    ):
        command = doing.add_parser(name, help=words)
        reports(command)
        if name == "download":
            command.add_argument("set", help=f"one of: {', '.join(download.FILES)}")
        elif name != "sets":
            command.add_argument("address", help="a set's name, or LAYOUT:PATH")
            command.add_argument("--split", choices=("train", "test"), default="train")
            command.add_argument("--channels", default="as-is", help="as-is, grey or colour")
            command.add_argument("--crop", default="0", help="side of the middle square cut out")
            command.add_argument("--size", default="0", help="side they are resized to")
            command.add_argument("--images", default="0", help="only the first so many")
        if name == "pack":
            command.add_argument("folder", help="the new folder")


def execute(parsed):
    """Does one of them; returns the exit code."""
    return {"info": _info, "check": _info, "pack": _pack, "download": _download, "sets": _sets}[
        parsed.doing
    ](parsed)


def _settings(parsed):
    names = ("channels", "crop", "size", "images")
    words = [f"data={parsed.address}", *(f"{name}={getattr(parsed, name)}" for name in names)]
    return config.build("data", config.overrides(words)).settings


def _info(parsed):
    settings = _settings(parsed)
    if parsed.doing == "check" and settings.data.startswith("packed:"):
        packed.check(settings.data.partition(":")[2], parsed.split)
    images = data.opened(settings, parsed.split, settings.images)
    found = {
        "data": settings.data,
        "split": parsed.split,
        "images": len(images),
        "shape": list(images.shape),
        "bytes": len(images) * int(images.shape[0] * images.shape[1] * images.shape[2]),
    }
    told = f"{settings.data}: {len(images):,} images {'×'.join(map(str, images.shape))}"
    if parsed.doing == "check":
        found["sha256"] = images.fingerprint
        told += f", sha256 {images.fingerprint[:16]}…"
    return report(parsed, found, [told])


def _pack(parsed):
    s = _settings(parsed)
    form = Form(s.channels, s.crop, s.size)
    manifest = packed.pack(
        data.pictures(s.data, parsed.split), form, parsed.folder, s.images, s.data
    )
    n, *shape = manifest["shape"]
    words = f"{parsed.folder}: {n:,} images {'×'.join(map(str, shape))}"
    return report(parsed, manifest, [f"{words}; train with data=packed:{parsed.folder}"])


def _download(parsed):
    files = [str(file) for file in download.fetch(parsed.set, data.root(), told)]
    return report(parsed, {"files": files}, [f"{file}: whole" for file in files])


def _sets(parsed):
    rows = {name: row.doc for name, row in data.DATA.items()}
    lines = [f"{name:14} {words}" for name, words in rows.items()]
    return report(
        parsed, {"folder": str(data.root()), "sets": rows}, [*lines, f"folder: {data.root()}"]
    )

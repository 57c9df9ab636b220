"""Downloads from a server on this machine: whole or not at all, taken up where they broke off."""

import hashlib
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from tests.image_runs import TINY, refused
from toylab.image import download
from toylab.image.__main__ import main
from toylab.image.download import FILES, Remote, fetch
from toylab.image.pixels import DataError

CONTENT = np.random.default_rng(0).bytes(3 * 2**20 + 17)
SUM = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Serves CONTENT as its `server.how` says, and notes what it was asked for."""

    def do_GET(self):
        how, start = self.server.how, 0
        self.server.asked.append(self.headers.get("Range"))
        if how == "elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://example.invalid/a.bin")
            return self.end_headers()
        if (wanted := self.headers.get("Range")) and how != "no ranges":
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(404 if how == "gone" else 200)
        self.end_headers()
        if how == "slow":
            self.server.go_on.wait()
        body = CONTENT[start:]
        body = {"half": body[: len(body) // 2], "long": body + b"x" * 10**7}.get(how, body)
        self.wfile.write(body if how != "other" else bytes(len(body)))

    def log_message(self, *words):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    """The server, whose file is the set "mnist" in a folder of its own."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    made.asked, made.how = [], "well"
    threading.Thread(target=made.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{made.server_port}/a.bin"
    monkeypatch.setitem(FILES, "mnist", (Remote(address, len(CONTENT), SUM),))
    monkeypatch.setenv("TOYLAB_DATA", str(tmp_path))
    monkeypatch.setattr(download, "safe", lambda address: None)  # no TLS on this machine
    yield made
    made.shutdown()
    made.server_close()


def fetched(tmp_path):
    """What lies in the set's folder: {name: bytes}."""
    return {path.name: path.read_bytes() for path in (tmp_path / "mnist").glob("*")}


def test_a_file_comes_whole_and_only_once(server, tmp_path, capsys):
    assert main(["data", "download", "mnist"]) == 0
    assert main(["data", "download", "mnist"]) == 0
    assert fetched(tmp_path) == {"a.bin": CONTENT} and server.asked == [None]
    assert f"{tmp_path / 'mnist' / 'a.bin'}: whole" in capsys.readouterr().out


def test_of_two_that_fetch_a_set_one_waits_and_takes_what_the_other_brought(server, tmp_path):
    server.how, server.go_on, told = "slow", threading.Event(), []
    first = threading.Thread(target=fetch, args=("mnist", tmp_path))
    second = threading.Thread(target=fetch, args=("mnist", tmp_path, told.append))
    first.start()
    while not server.asked and first.is_alive():
        time.sleep(0.01)
    second.start()
    while not told and second.is_alive():
        time.sleep(0.01)
    server.go_on.set()
    first.join()
    second.join()
    assert "waiting for the process that fetches mnist" in told[0] and len(told) == 1
    assert fetched(tmp_path) == {"a.bin": CONTENT} and server.asked == [None]


@pytest.mark.parametrize("how", ["well", "no ranges"])
def test_a_broken_download_is_gone_on_with(how, server, tmp_path, capsys):
    """From where it broke off, or from the start where the server cannot."""
    server.how = "half"
    told = refused_last(capsys, "data", "download", "mnist")
    assert "broke off" in told and "gone on with" in told
    half = fetched(tmp_path)[".a.bin.part"]
    assert half == CONTENT[: len(half)] and len(half) == len(CONTENT) // 2
    server.how = how
    assert main(["data", "download", "mnist"]) == 0
    assert fetched(tmp_path) == {"a.bin": CONTENT}
    assert server.asked == [None, f"bytes={len(half)}-"]


def refused_last(capsys, *words):
    """The last line of a command that says what it does before it is refused."""
    assert main([*words]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_other_bytes_are_dropped(server, tmp_path, capsys):
    server.how = "other"
    told = refused_last(capsys, "data", "download", "mnist")
    assert "dropped" in told and f"not {SUM}" in told
    assert fetched(tmp_path) == {}


def test_no_more_is_read_than_the_file_has(server, tmp_path):
    server.how = "long"
    assert main(["data", "download", "mnist"]) == 0
    assert fetched(tmp_path) == {"a.bin": CONTENT}


def test_a_part_of_other_bytes_is_dropped_by_its_sum(server, tmp_path, capsys):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / ".a.bin.part").write_bytes(bytes(1000))
    assert "dropped" in refused_last(capsys, "data", "download", "mnist")
    assert main(["data", "download", "mnist"]) == 0
    assert fetched(tmp_path) == {"a.bin": CONTENT}


@pytest.mark.parametrize("how", ["gone", "off"])
def test_without_a_network_it_says_what_to_do(how, server, tmp_path, capsys):
    server.how = how
    if how == "off":
        server.shutdown()
        server.server_close()
    told = refused_last(capsys, "data", "download", "mnist")
    assert f"put a.bin into {tmp_path / 'mnist'} by hand" in told
    assert ("404" in told or "Not Found" in told) if how == "gone" else "refused" in told


def test_only_https_is_fetched_or_followed(server, tmp_path, monkeypatch):
    server.how = "elsewhere"
    monkeypatch.undo()
    with pytest.raises(DataError, match="not https"):
        download._rest(Remote("http://127.0.0.1/a.bin", 10, SUM), tmp_path / "part")
    with pytest.raises(DataError, match="not https"):
        download._Safe().redirect_request(None, None, 302, "", {}, "http://example.invalid/a.bin")


def test_every_set_to_be_fetched_has_a_sum_and_a_safe_address():
    for files in FILES.values():
        for file in files:
            download.safe(file.address)
            assert len(bytes.fromhex(file.sha256)) == 32 and file.size > 0


def test_sets_that_cannot_be_fetched_are_said_to_be_brought(capsys):
    told = refused(capsys, "data", "download", "celeba")
    assert "brought by hand" in told and "cifar10" in told


def test_a_run_fetches_its_images_where_they_are_not_there(tmp_path, monkeypatch):
    """With --download alone, and only once."""
    monkeypatch.setenv("TOYLAB_DATA", str(tmp_path / "sets"))
    fetched = []

    def fetch(name, root, tell):
        (root / name).mkdir(parents=True)
        header = struct.pack(">IIII", 0x803, 9, 28, 28)
        (root / name / "train-images-idx3-ubyte").write_bytes(header + bytes(9 * 28 * 28))
        fetched.append(name)

    monkeypatch.setattr(download, "fetch", fetch)
    words = ["train", "digits-smoke", *TINY, "data=mnist", "steps=1", "--out", str(tmp_path)]
    assert main(words) == 2 and fetched == []
    assert main([*words, "--download"]) == 0 and main([*words, "--download"]) == 0
    assert fetched == ["mnist"]


def test_inception_s_weights_are_fetched_and_found_where_they_were_put(
    server, tmp_path, monkeypatch, capsys
):
    """Once, checked; then `inception` needs no path. Offline it says where the file belongs."""
    from toylab.image import features

    monkeypatch.delenv(features.INCEPTION, raising=False)
    monkeypatch.setitem(FILES, "inception", FILES["mnist"])
    words = ["evaluate", str(tmp_path / "run"), "--features", "inception", "--download-inception"]
    server.how = "gone"
    assert f"put a.bin into {tmp_path / 'inception'} by hand" in refused_last(capsys, *words)
    with pytest.raises(DataError, match="--download-inception"):
        features.extractor("inception", None, tmp_path)
    server.how = "well"
    for _ in range(2):
        assert "neither a run directory nor" in refused_last(capsys, *words)
    assert (tmp_path / "inception" / "a.bin").read_bytes() == CONTENT
    assert server.asked == [None, None]  # refused, then whole
    with pytest.raises(DataError, match=r"needs torch-fidelity|a\.bin: not a file of weights"):
        features.extractor("inception", None, tmp_path)

"""What leaves the page is what the page shows: pictures, numbers, samples, link and script."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.pages import WAIT, choose, differ, picture, settled, slide, step, until

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def context(context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


def opened(page):
    if not page.locator("#toylab-share-sheet").is_visible():
        page.locator("#toylab-share").click()


def file(page, kind, tmp_path):
    """Clicks one row of the share sheet; returns the saved file."""
    opened(page)
    with page.expect_download(timeout=WAIT) as coming:
        page.locator(f"#toylab-share-{kind}").click()
    path = tmp_path / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def script(page):
    opened(page)
    page.locator("#toylab-share-script").click()
    page.wait_for_selector("#toylab-share-sheet pre:visible", timeout=WAIT)
    return page.locator("#toylab-share-sheet pre").inner_text()


def steps(page, count):
    at = step(page)
    for _ in range(count):
        page.locator("#toylab-step-once").click()
    until(page, f"window.toylab.step === {at + count}")
    settled(page)


def ran(code, folder):
    """What a script prints in a process of its own, where nothing of the page is left."""
    path = folder / "script.py"
    path.write_text(code)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_png_is_the_screen_twice_as_sharp(lab, tmp_path):
    page = lab("?play=0")
    steps(page, 3)
    path = file(page, "png", tmp_path)
    assert path.name == "toylab-8gaussians-step-3.png"
    page.keyboard.press("Escape")
    page.mouse.move(1, 1)
    settled(page)
    saved = Image.open(path).convert("RGB")
    side = page.locator("#toylab-arena").bounding_box()["width"]
    assert saved.size == (2 * side, 2 * side)
    small = np.asarray(saved.resize((int(side), int(side)), Image.Resampling.BOX), np.int16)
    shown = picture(page)
    inside = slice(4, -4)  # the frame's rounded corners are the page's, not the arena's
    far = (abs(small - shown)[inside, inside].max(-1) > 90).mean()
    assert far < 0.002, "a mark that is elsewhere leaves more than edges"
    # Sharper, not enlarged: the screen's pixels doubled are not what was saved.
    double = np.asarray(saved, np.int16)
    assert (double[::2, ::2] != double[1::2, 1::2]).any(-1).mean() > 0.005


def test_the_svg_has_every_mark_as_a_vector(lab, tmp_path):
    page = lab("?play=0")
    settled(page)
    path = file(page, "svg", tmp_path)
    root = ElementTree.parse(path).getroot()
    count = {name: len(list(root.iter(SVG + name))) for name in ("path", "image", "text")}
    assert count["image"] == 1, "the surface alone is a picture"
    assert count["path"] >= 1000, "500 real points and 500 fakes"
    assert {"1", "0", "−1"} <= {text.text for text in root.iter(SVG + "text")}
    page.keyboard.press("Escape")
    before = picture(page)
    page.evaluate(
        "text => { const i = new Image(); i.src = URL.createObjectURL(new Blob([text],"
        " {type: 'image/svg+xml'})); i.style.cssText = 'position:absolute;inset:0';"
        " return i.decode().then(() => window.toylab.figure && document.body.append(i)) }",
        path.read_text(),
    )
    side = int(page.locator("#toylab-arena").bounding_box()["width"])
    drawn = Image.open(
        io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": side, "height": side}))
    )
    drawn = np.asarray(drawn.convert("RGB"), np.int16)
    inside = slice(20, -20)  # tick labels at the edge: an image has only the system's letters
    far = (abs(drawn - before)[inside, inside].max(-1) > 90).mean()
    assert far < 0.02


def test_in_space_the_picture_has_all_three_views(lab, tmp_path):
    page = lab("?play=0&data=roth3d")
    settled(page)
    root = ElementTree.parse(file(page, "svg", tmp_path)).getroot()
    said = {text.text for text in root.iter(SVG + "text")}
    assert {"The cloud", "Looking straight at the sheet", "Unrolled, seen from the edge"} <= said
    assert "color-mix" not in ElementTree.tostring(root, "unicode")
    whole = page.locator(".cell").bounding_box()
    saved = Image.open(file(page, "png", tmp_path))
    assert saved.size == (2 * whole["width"], 2 * whole["height"])


def test_the_csv_has_every_curve_of_the_whole_run(lab, tmp_path):
    page = lab("?play=0&pace=5")
    steps(page, 4)
    path = file(page, "csv", tmp_path)
    assert path.name == "toylab-8gaussians-step-4.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [int(row["step"]) for row in rows] == sorted({int(row["step"]) for row in rows})
    assert rows[0]["step"] == "0" and rows[-1]["step"] == "4"
    assert {"modes", "loss_critic", "loss_generator", "says_real", "says_fake"} <= set(rows[0])
    shown = page.evaluate("window.toylab.words().values.losses")
    told = [float(rows[-1][name]) for name in ("loss_critic", "loss_generator")]
    assert told == pytest.approx(shown, rel=1e-5)


SAME = """
import numpy as np; from toylab import probes
saved = np.load({path!r}, allow_pickle=False)
generator, _ = probes.effective(setup, state)
with torch.no_grad(): made = generator(torch.from_numpy(saved['latent'])).numpy()
print(made.tobytes() == saved['fake'].tobytes())
"""


def test_script_and_samples_are_the_shown_state_bit_for_bit(lab, tmp_path):
    """After a knob, a swap, a step of one player and an undo the script in a process of its own
    makes the same fakes of the same latents; and of a recorded moment that is looked at too."""
    page = lab("?play=0")
    steps(page, 2)
    slide(page, "penalty_weight", ["ArrowRight"] * 2)
    until(page, "window.toylab.marks().length === 1")
    steps(page, 2)
    choose(page, "objective", "Hinge")
    until(page, "window.toylab.marks().length === 2")
    steps(page, 2)
    page.locator("#toylab-only-critic").click()
    until(page, "window.toylab.step === 7")
    settled(page)
    slide(page, "rate_critic", ["ArrowRight"] * 2)
    until(page, "window.toylab.state().share.address.includes('rate_critic')")
    steps(page, 1)
    page.keyboard.press("Control+z")
    until(page, "!window.toylab.state().share.address.includes('rate_critic')")
    until(page, "window.toylab.step === 7")
    steps(page, 3)
    for at, changed in ((10, [2, 4, 6, 7]), (4, [2])):
        while step(page) > at:
            before = step(page)
            page.keyboard.press(",")
            until(page, f"window.toylab.step < {before}")
        path = file(page, "npz", tmp_path)
        code = script(page)
        page.keyboard.press("Escape")
        at = step(page)
        assert path.name == f"toylab-8gaussians-step-{at}.npz"
        saved = np.load(path, allow_pickle=False)
        assert code.count("\n") <= 15 and str(saved["script"]) == code
        assert saved["fake"].shape == saved["real"].shape == (4096, 2)
        assert int(saved["step"]) == at
        assert [when for when, _ in json.loads(str(saved["changes"]))] == changed
        code += SAME.format(path=str(path))
        assert ran(code, tmp_path).splitlines()[-1] == "True", at


def test_an_export_pauses_nothing(lab, tmp_path):
    page = lab("?play=1")
    until(page, "window.toylab.step > 5")
    path = file(page, "npz", tmp_path)
    at = int(np.load(path, allow_pickle=False)["step"])
    assert f"step-{at}.npz" in path.name
    assert page.evaluate("window.toylab.state().playing")
    until(page, f"window.toylab.step > {at + 5}")


def test_the_link_is_the_same_run_and_says_what_it_lacks(lab, page):
    lab("?play=0&penalty=r1&seed=7")
    steps(page, 1)
    shown = picture(page)
    page.keyboard.press("s")
    page.wait_for_selector(".said:visible", timeout=WAIT)
    assert page.locator(".said").inner_text() == "Link copied: same seed, same run"
    link = page.evaluate("navigator.clipboard.readText()")
    assert parse_qs(urlsplit(link).query) == {"penalty": ["r1"], "seed": ["7"]}
    slide(page, "penalty_weight", ["ArrowRight"])
    until(page, "window.toylab.marks().length === 1")
    until(page, "window.toylab.state().share.unsaid === 1")  # as a hand sees it, then presses
    page.keyboard.press("s")
    expect(page.locator(".said")).to_contain_text("only in the script", timeout=WAIT)
    page.goto(link + "&play=0")
    until(page, "window.toylab && window.toylab.painted > 0")
    steps(page, 1)
    page.mouse.move(1, 1)
    assert not differ(picture(page), shown)


def test_the_sheet_is_the_keyboard_s_too(lab, page):
    lab("?play=0")
    settled(page)  # before there is a run the sheet's rows cannot be pressed, nor have the focus
    share = page.locator("#toylab-share")
    share.focus()
    page.keyboard.press("Enter")
    sheet = page.locator("#toylab-share-sheet")
    assert sheet.is_visible() and share.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    focused = (
        "(function at(root) { const a = root.activeElement;"
        " return a?.shadowRoot?.activeElement ? at(a.shadowRoot) : a?.id })(document)"
    )
    assert page.evaluate(focused) == "toylab-share-svg"
    page.keyboard.press("Escape")
    assert not sheet.is_visible() and page.evaluate(focused) == "toylab-share"
    share.click()
    page.mouse.click(600, 400)
    assert not sheet.is_visible()


def test_paper_has_arena_charts_and_settings_on_one_page(lab, page):
    lab("?play=0&penalty=r1")
    page.locator("#toylab-theme").click()
    until(page, "window.toylab.state().dark === true")
    until(page, "Object.keys(window.toylab.charts().slots).length >= 3")
    settled(page)
    document = page.pdf(prefer_css_page_size=True)
    assert document.count(b"/Type /Page\n") == 1
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    paper = page.locator(".paper")
    assert "Eight Gaussians, step 0" in paper.inner_text()
    assert "Penalty weight λ" in paper.inner_text() and "penalty=r1" in paper.inner_text()
    assert paper.locator("> canvas").bounding_box()["width"] > 300
    assert paper.locator(".charts canvas").count() >= 3
    assert not page.locator("#toylab-toggle").is_visible()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator("#toylab-toggle").is_visible() and not paper.is_visible()

"""Single fakes: the lasso and their latents, the one under the pointer, their trails."""

from tests.browser.pages import (
    arena,
    differ,
    draw,
    fakes,
    picture,
    place,
    returns,
    settled,
    until,
)


def test_a_lasso_links_fakes_and_latents_both_ways(lab):
    page = lab("?play=0")
    settled(page)
    assert page.locator("#toylab-inset").is_hidden()
    plain = picture(page)
    page.keyboard.down("Shift")
    draw(page, [place(page, *at) for at in ((0.3, 0.3), (0.5, 0.3), (0.5, 0.7), (0.3, 0.7))])
    page.keyboard.up("Shift")
    until(page, "window.toylab.arena().chosen.length > 0")
    chosen = arena(page)["chosen"]
    x0, x1, y0, y1 = arena(page)["extent"]
    xs, ys = fakes(page)
    share = [((x - x0) / (x1 - x0), (y1 - y) / (y1 - y0)) for x, y in zip(xs, ys, strict=True)]
    expected = {k for k, (x, y) in enumerate(share) if 0.3 < x < 0.5 and 0.3 < y < 0.7}
    assert len(set(chosen) ^ expected) <= 4, "those at the very line may fall either way"
    assert page.locator("#toylab-inset").is_visible()
    assert f"{len(chosen)} chosen" in page.locator("#toylab-inset").inner_text()
    settled(page)
    assert differ(picture(page), plain)

    box = page.locator("#toylab-inset canvas").bounding_box()
    draw(page, [(box["x"] + x, box["y"] + y) for x, y in ((4, 4), (66, 4), (66, 128), (4, 128))])
    until(page, f"window.toylab.arena().chosen.join() !== '{','.join(map(str, chosen))}'")
    left = set(arena(page)["chosen"])
    latent = page.evaluate(
        "Array.from(window.toylab.figure().document.get_model_by_name('latent').data.x)"
    )
    assert left == {k for k, x in enumerate(latent) if x < 0}
    page.keyboard.press("Escape")
    until(page, "window.toylab.arena().chosen.length === 0")
    assert page.locator("#toylab-inset").is_hidden()
    page.mouse.move(1, 1)
    returns(page, plain)  # the server brings the others' colour


def test_a_fake_under_the_pointer_stands_out_with_its_trail(lab):
    page = lab("?play=0")
    for count in range(1, 9):
        page.keyboard.press(".")
        until(page, f"window.toylab.step === {count}")
        if count == 4:
            settled(page)
            before = arena(page)["trail"]
    settled(page)
    assert arena(page)["trail"] == before + 4
    x0, x1, y0, y1 = arena(page)["extent"]
    xs, ys = fakes(page)
    inside = [k for k in range(84) if x0 < xs[k] < x1 and y0 < ys[k] < y1]
    k = inside[0]
    plain = picture(page)
    page.mouse.move(*place(page, (xs[k] - x0) / (x1 - x0), (y1 - ys[k]) / (y1 - y0)))
    until(page, "window.toylab.arena().pointed >= 0")
    settled(page)
    assert differ(picture(page), plain)
    page.mouse.move(1, 1)
    until(page, "window.toylab.arena().pointed === -1")
    for key, button in (("t", "#toylab-trails"), ("z", "#toylab-latents")):
        page.keyboard.press(key)
        assert page.locator(button).get_attribute("aria-pressed") == "true"
    assert page.locator("#toylab-inset").is_visible()
    settled(page)
    assert differ(picture(page), plain), "trails"
    page.locator("#toylab-trails").click()
    page.locator("#toylab-latents").click()
    page.mouse.move(1, 1)
    settled(page)
    assert page.locator("#toylab-inset").is_hidden() and not differ(picture(page), plain)


def test_latents_come_by_themselves_in_slow_motion(lab):
    page = lab("?pace=1")
    until(page, "window.toylab.state().pace === 1")
    assert page.locator("#toylab-inset").is_visible()

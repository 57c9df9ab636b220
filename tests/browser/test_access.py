"""Nobody is shut out: axe-core finds nothing serious, in any theme, at any size."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.pages import SIZES, dressed, settled, tap, until
from toylab.ui import theme as palette

GRAVE = ("serious", "critical")
# Every icon of a control that can be used: its colour, what it lies on, how opaque both are.
ICONS = """() => {
  const pressed = "button, [role=button], [role=combobox], .MuiInputBase-root"
  const asleep = ":disabled, [aria-disabled=true], .Mui-disabled"
  const channels = (css) => css.match(/[\\d.]+/g).map(Number)
  const around = (node) => node.assignedSlot ?? node.parentElement ?? node.getRootNode().host
  const shown = {checkOpacity: true, checkVisibilityCSS: true}
  const found = []
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.shadowRoot) { walk(node.shadowRoot) }
      const control = node.matches("svg, .icon") && node.closest(pressed)
      if (!control || control.closest(asleep) || !node.checkVisibility(shown)) { continue }
      let opacity = 1, ground = null
      for (let at = node; !ground && at; at = around(at)) {
        const style = getComputedStyle(at), shade = channels(style.backgroundColor)
        opacity *= +style.opacity
        if ((shade[3] ?? 1) === 1) { ground = shade }
      }
      const [red, green, blue, alpha = 1] = channels(getComputedStyle(node).color)
      const name = control.id || control.ariaLabel || control.className
      found.push([name, [red, green, blue], alpha * opacity, ground.slice(0, 3)])
    }
  }
  walk(document)
  return found
}"""


def grave(page):
    """What axe-core finds serious or critical: rule, impact and up to three places."""
    return [
        (row["id"], row["impact"], [node["target"] for node in row["nodes"]][:3])
        for row in Axe().run(page).response["violations"]
        if row["impact"] in GRAVE
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_grave(lab, page, theme):
    page.emulate_media(color_scheme=theme)
    lab("?play=0&pace=1")
    dressed(page, theme)
    found = {}
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        found[width] = grave(page)
    page.set_viewport_size(dict(zip(("width", "height"), SIZES[0], strict=True)))
    page.keyboard.press("p")
    tap(page, "5")
    until(page, "window.toylab.arena().probes.length === 1")
    until(page, "window.toylab.state().layers.includes('field')")
    settled(page)
    page.locator("#toylab-bar").click()
    found["a probe and a menu"] = grave(page)
    assert {place: told for place, told in found.items() if told} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_icon_that_can_be_pressed_can_be_seen(lab, page, theme):
    """WCAG 2.2, 1.4.11: three to one against what it lies on; axe-core looks at text alone."""
    page.emulate_media(color_scheme=theme)
    lab("?play=0")
    dressed(page, theme)
    settled(page)

    def code(channels):
        return "#" + "".join(f"{round(value):02X}" for value in channels)

    faint = {}
    icons = page.evaluate(ICONS)
    for name, ink, opacity, ground in icons:
        blend = [
            opacity * one + (1 - opacity) * other for one, other in zip(ink, ground, strict=True)
        ]
        if (ratio := palette.contrast(code(blend), code(ground))) < 3:
            faint[name] = round(ratio, 2)
    assert len(icons) > 20 and not faint

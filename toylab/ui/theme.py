"""Every colour of the page, light and dark, in one table.

One meaning per colour: blue is real, orange is fake and the generator, ink is the critic, gold is
"you changed something". The surface keeps to a fixed band of lightness, so that marks outside the
band stay readable wherever they lie (contrast of every mark with every surface colour >= 3).
"""

import numpy as np

TOKENS = {
    # token         light      dark
    "page": ("#F6F7F9", "#0E1319"),
    "panel": ("#FFFFFF", "#161D26"),
    "line": ("#D9DEE5", "#2C3744"),
    "ink": ("#17202B", "#E8EDF3"),
    "ink2": ("#4A5768", "#B3BFCC"),
    "ink3": ("#657284", "#8A98A8"),
    "real": ("#0A5CA8", "#74BBFF"),
    "fake": ("#B23F08", "#FF9D5C"),
    "push": ("#7A2A00", "#FFD2B0"),
    "gold": ("#8A6100", "#E8B93C"),
    "ok": ("#0B6E4F", "#4CC79A"),
    "bad": ("#B3261E", "#FF8A80"),
    "sheet": ("#6A2C91", "#D7A6F2"),
    "halo": ("#FFFFFF", "#0E1319"),
    "accent-text": ("#FFFFFF", "#0E1319"),
}
RUNS = (  # of runs side by side; any two are OKLab 0.14 apart, to a colour-blind eye too
    ("#0095AA", "#9AF6FF"),
    ("#7A491B", "#D96C00"),
    ("#182469", "#6B86E9"),
    ("#8E861C", "#F4EA68"),
    ("#3347B8", "#A2B6F3"),
    ("#501A00", "#E9A688"),
)
SURFACE = (("#F9C79A", "#F8F8F6", "#AED2F6"), ("#5C2C0C", "#171D26", "#0F3F6E"))

# Björn Ottosson's OKLab (2020): straight lines in it look even, which an RGB blend does not.
_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def colour(token, dark):
    """The colour of a token in one of the two themes."""
    return TOKENS[token][int(dark)]


def channels(code):
    """'#rrggbb' as three numbers in 0..1."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def _linear(rgb):
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _gamma(rgb):
    rgb = np.clip(rgb, 0, 1)
    return np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)


def _lab(code):
    return _TO_LAB @ np.cbrt(_TO_LMS @ _linear(channels(code)))


def _code(lab):
    rgb = _gamma(np.linalg.inv(_TO_LMS) @ (np.linalg.inv(_TO_LAB) @ lab) ** 3)
    return "#" + "".join(f"{round(255 * value):02X}" for value in rgb)


def surface_map(dark, steps=256):
    """The critic's colours from "fake" over "cannot tell" to "real", even in OKLab."""
    low, middle, high = (_lab(code) for code in SURFACE[int(dark)])
    half = np.linspace(0, 1, steps // 2)[:, None]
    return [
        _code(lab)
        for lab in np.vstack([low + (middle - low) * half, middle + (high - middle) * half])
    ]


def heights(dark, steps=64):
    """The colours of fakes from on the data's sheet to far off it, even in OKLab."""
    near, far = _lab(colour("fake", dark)), _lab(colour("sheet", dark))
    return [_code(near + (far - near) * part) for part in np.linspace(0, 1, steps)]


def luminance(code):
    """Relative luminance of WCAG 2."""
    return float(_linear(channels(code)) @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """Contrast ratio of WCAG 2, from 1 to 21."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def stylesheet():
    """The tokens as CSS custom properties; these reach into every shadow root of the page."""

    def block(dark):
        lines = [f"--{token}: {colour(token, dark)};" for token in TOKENS]
        lines += [f"--run-{k}: {pair[int(dark)]};" for k, pair in enumerate(RUNS)]
        stops = ", ".join(surface_map(dark, 18))
        for name, code in zip(("low", "middle", "high"), SURFACE[int(dark)], strict=True):
            lines.append(f"--map-{name}: {code};")
        lines.append(f"--surface: linear-gradient(to right, {stops});")
        lines.append(f"color-scheme: {'dark' if dark else 'light'};")
        return " ".join(lines)

    return (
        f":root {{ {block(False)} }}\n"
        f':root[data-theme="dark"] {{ {block(True)} }}\n'
        "html, body { margin: 0; background: var(--page); color: var(--ink); }"
    )


def material():
    """The same table for panel-material-ui: two palettes, Roboto, flat and 6-px corners."""

    def palette(dark):
        return {
            "palette": {
                "primary": {
                    "main": colour("real", dark),
                    "contrastText": colour("accent-text", dark),
                },
                "background": {
                    "default": colour("page", dark),
                    "paper": colour("panel", dark),
                },
                "text": {"primary": colour("ink", dark), "secondary": colour("ink2", dark)},
                "divider": colour("line", dark),
            },
            "shape": {"borderRadius": 6},
            "typography": {"fontFamily": "Roboto, sans-serif", "fontSize": 13},
        }

    return {"light": palette(False), "dark": palette(True)}

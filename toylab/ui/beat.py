"""The heartbeat between server and browser: pictures out, acknowledgements and commands back.

A Bokeh `DataModel` and not a Panel parameter, because Panel holds every change from the browser
back for 50 ms; over this model a click is in the engine as soon as the network allows. The browser
acknowledges a picture after it was painted, and only that asks for another one: a slow browser
gets fewer pictures, never older ones.
"""

from bokeh.core.properties import Bool, Int, String
from bokeh.model import DataModel


class Beat(DataModel):
    """One per page, found by the name "beat"; `toylab/ui/beat.js` is its other half."""

    ack = Int(0, help="number of the newest picture painted; set by the browser")
    visible = Bool(True, help="false while the tab is hidden; set by the browser")
    pixels = Int(0, help="side of the arena in CSS pixels; set by the browser")
    dark = Bool(False, help="the theme that holds; set by the browser")
    command = String("", help="JSON of what a hand just did, with a running number; by the browser")
    words = String("{}", help="JSON of the picture's number and of every number that belongs to it")
    index = String("[]", help="JSON of what a search can find (see `toylab.ui.index`), sent once")
    state = String("{}", help="JSON of what changes rarely: playing, layers, notices, data")

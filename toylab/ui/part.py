"""A part of the page: one feature in one file, with its share of everything the page does."""


class Part:
    """What a feature may have; `lab` is the page that it belongs to.

    do_NAME(told)            -- a hand did NAME in the browser: the command's dict
    hear_NAME(header, arrays) -- the engine said NAME (see `toylab.engine.protocol`)
    frame(header, arrays)    -- a picture came; returns what it adds to the words of the picture
    state()                  -- what it adds to the state, which changes rarely
    wanted()                 -- the layers that it needs of every picture
    style(dark)              -- another theme
    seen()                   -- the first picture stands on the screen

    While a recorded moment is looked at, its picture goes to the parts that show one moment, and
    the newest pictures only to those that follow the run.
    """

    follows_run = False  # True: hears every picture of the run, and never a recorded one

    def __init__(self, lab):
        self.lab = lab

    def frame(self, header, arrays):
        return {}

    def state(self):
        return {}

    def wanted(self):
        return []

    def style(self, dark):
        pass

    def seen(self):
        pass

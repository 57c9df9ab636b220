"""Where each run is trained, and how it moves to the other process without its page's notice.

A run that turns out too heavy for the others' company *leaves*: the process that has it is asked
for all of it, the messages that come meanwhile wait here, and the other process is told first to
go on with it and then those messages. One pipe keeps its order, so nothing is lost, nothing comes
twice and nothing overtakes anything.
"""


class Route:
    """One run of a session: what opens it anew, and the process that has it.

    place -- the `Process` that trains it
    target -- the one that it is to move to, or None
    """

    def __init__(self, engine, session, lane):
        self.engine, self.session, self.lane = engine, session, lane
        self.place, self.target = engine.quick, None
        self.opening, self.kept, self.transport = None, ({}, None), {}
        self._waiting = None  # messages to a run that is on its way

    def send(self, message, arrays=None):
        """One message of the page to its run, wherever that is."""
        if self._waiting is not None:
            self._waiting.append((message, arrays))
            return
        do = message["do"]
        if do in ("open", "restart", "reset", "undo", "redo"):
            self.target = None  # it is weighed anew
        if do == "open":
            if self.place is not self.engine.quick:
                self.place.send({**self._name, "do": "close"})
                self.place = self.engine.quick
            self.opening, self.kept, self.transport = message, ({}, None), {}
        elif do == "play":
            self.transport = {"playing": True, "pace": message.get("pace")}
        elif do in ("pause", "step"):
            self.transport = {"playing": False}
        self.place.send(message, arrays)
        if do == "close":
            self.session.routes.pop(self.lane, None)
        self.engine.tidy()

    @property
    def _name(self):
        return {"session": self.session.name, "lane": self.lane}

    @property
    def places(self):
        """Where this run is or will be."""
        return {self.place, self.target} - {None}

    # ------------------------------------------------------------------ what the processes say

    def heard(self, header, arrays, message):
        """Takes a message that concerns this module alone; returns whether it did."""
        say = header["say"]
        if say == "kept":
            self.keep(header, arrays)
        elif say == "weighs":
            self.bound_for(self.engine.slow if header["heavy"] else self.engine.quick)
        elif say == "luggage":
            if self.target is not None:
                self.target.forward(message)
        elif say == "left":
            self.arrive(header, arrays)
        elif say == "refused" and (header.get("about") or {}).get("do") == "leave":
            self.target = None
            self._go_on()
        else:
            if say in ("stopped", "failed"):
                self.transport = {"playing": False}
            return False
        return True

    def keep(self, header, arrays):
        """The newest state from which this run can go on in another process."""
        header.pop("say")
        self.kept = header, arrays

    def bound_for(self, place):
        """This run belongs elsewhere; it leaves as soon as that process can take it."""
        if place is self.place or place.failure or self._waiting is not None:
            return
        self.target = place
        if place.ready:
            self.leave()
        elif not place.running:
            place.start()

    def leave(self):
        """Asks for all of it; from now on its page's messages wait."""
        self._waiting = []
        self.place.send({**self._name, "do": "leave"})

    def arrive(self, header, arrays):
        """The run is here, whole: the other process goes on with it."""
        luggage = header.pop("luggage")
        self.keep(header, arrays)
        gone = self.target is None or self.target.failure
        self.place, self.target = self.engine.quick if gone else self.target, None
        if self.place.ready and not gone:
            told = {**self.opening, **self.kept[0], "continued": True, "luggage": luggage}
            self.place.send(told, arrays)
            self._go_on()
        elif self.place.ready:
            self.again()
        self.engine.tidy()

    def again(self):
        """Opens the run anew from its newest kept state, in a process that knows nothing of it."""
        self.target = None
        if self.opening is not None:
            kept, arrays = self.kept
            # The newest transport may be newer than what was kept.
            told = {**self.opening, **kept, **self.transport, "continued": True}
            self.place.send(told, arrays)
        self._go_on()

    def _go_on(self):
        """What waited goes to where the run is now."""
        waiting, self._waiting = self._waiting or (), None
        for message, arrays in waiting:
            self.send(message, arrays)

    @property
    def moving(self):
        """Whether this run is on its way."""
        return self._waiting is not None

"""`panel serve apps/lab.py`. Panel clears a served script's globals, so nothing lives here."""

from toylab.ui.lab import lab

lab().servable()

"""`panel serve apps/figures.py`. Panel clears a served script's globals, so nothing lives here."""

from toylab.ui.gallery import gallery

gallery().servable()

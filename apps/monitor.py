"""`panel serve apps/monitor.py --args RUN [RUN …]`; see `apps/lab.py`."""

import sys

from toylab.ui.monitor import monitor

monitor(sys.argv[1:]).servable()

"""The most probable cause of each verdict that is not "reproduced", written after the result."""

CAUSES = {}

"""The engine: one process that trains every game of a server, and the pipe that leads to it."""

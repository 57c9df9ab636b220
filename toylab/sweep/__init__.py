"""Sweeps: many runs over grids and random draws of settings, as ensembles, on every core.

    python -m toylab.sweep SPEC.toml

`spec` reads what is wanted, `runs` packs runs of one structure into ensembles, `plan` says what is
left to train and by which backend, `training` trains and measures an ensemble, `cores` and
`cluster` are where that happens, `kept` are the results as files, `table` the table made of them.
"""

"""The laws that every row of a table obeys, so that anybody's row can be tried before it is used.

A law is a function of a row that returns "" where it holds, and in words why it is broken where it
does not. `LAWS` is {field: {law: function}}; the tests hold every row of every table to them,
``python -m toylab.check mine.py`` the rows of a user's own file.
"""

from toylab.laws import constraints, objectives, optimizers, penalties, rules

LAWS = {
    "objective": objectives.LAWS,
    "penalty": penalties.LAWS,
    "constraint": constraints.LAWS,
    "optimizer": optimizers.LAWS,
    "rule": rules.LAWS,
}


def judge(field, row, words=None):
    """{law: why it is broken, "" where it holds} of one row.

    words -- error -> file, line and what, or "": what a row raises breaks the law too
    """
    found = {}
    for name, law in LAWS[field].items():
        try:
            found[name] = law(row)
        except (Exception, SystemExit) as error:
            found[name] = (words and words(error)) or f"{type(error).__name__}: {error}"
    return found

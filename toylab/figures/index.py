"""All figures: the papers' tables as one."""

from toylab.figures import (
    arjovsky2017,
    arjovsky_bottou2017,
    bishop2006,
    gulrajani2017,
    mescheder2018,
    roth2017,
    schaefer2019,
    schaefer2019_gan,
    schaefer2020,
    thanh_tung2019,
)
from toylab.tables import Table

PAPERS = (
    *(arjovsky_bottou2017, arjovsky2017, gulrajani2017, roth2017, mescheder2018, thanh_tung2019),
    *(schaefer2019, schaefer2019_gan, schaefer2020, bishop2006),
)
FIGURES = Table("figure", {name: row for paper in PAPERS for name, row in paper.FIGURES.items()})


def figure(name):
    """The row of that name; an unknown one raises with the known ones and the nearest."""
    return FIGURES[name]

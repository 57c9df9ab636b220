"""The page: Panel around, HoloViews once, Bokeh per picture. Nothing here may import torch."""

"""Image runs as their folders show them: read while they grow, and never written into.

Nothing here needs torch or a page; `toylab.ui.monitor` draws what is found. Whatever lies in a
folder may be half written, from another version or hostile: it is named in words, never believed.
"""

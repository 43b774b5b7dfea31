"""How often the planted persona is recovered, by this package and by its peers.

``grid.toml`` fixes the trials, ``designs`` simulates them, ``methods`` and its
neighbors hold the contestants, ``run`` fills a file of raw results and ``table``
makes the page of it.
"""

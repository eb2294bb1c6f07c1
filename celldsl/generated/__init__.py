"""Generated modules that were loaded before.  In: nothing.  Out: a package over the cache folder.

    celldsl.generated.h1f0c….GRU       is `<user cache>/celldsl/h1f0c…/GRU.py`

That a module has one name in every process is what lets machine code be cached on disk and cells
be pickled.
"""

from __future__ import annotations

from celldsl.cache_folders import cache_roots

__path__ = [str(folder) for folder in cache_roots()]

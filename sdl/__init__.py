"""The nouns of the laboratory: chemistry, design space, spectra, lab drivers, store, reports, command line.

Doors open one way (checked by import-linter): ``report -> lab | store -> config -> campaign, target,
chemistry -> space, spectra -> units, errors``.  ``import sdl`` loads no torch, prefect, pandas or opentrons,
because ``sdl check`` and ``sdl status`` must answer within a second.
"""

__version__ = "0.1.0"

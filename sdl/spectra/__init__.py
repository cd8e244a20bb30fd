"""From counts to features: what a spectrometer saw, and what it means, with honest standard deviations.

What lives here: the `Spectrum` and `Features` types, clean-up, X1 and size, PL peak, FWHM, PLQY.
What may enter: numpy and scipy, ``sdl.units``, ``sdl.errors``. No constant of the virtual lab.
"""

from sdl.spectra.types import Features, Spectrum, Value

__all__ = ["Features", "Spectrum", "Value"]

"""A campaign as a lab report: one self-contained HTML page, written from the store alone.

What may enter: the store's rows, the spectra's own analysis, units. No models and no robot: what the page says was
recorded before, so that the page is the same on any day and any machine.
"""

from sdl.report.page import write_report

__all__ = ["write_report"]

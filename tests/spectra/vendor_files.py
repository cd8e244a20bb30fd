"""Files as instruments write them, made from numbers: headers after real exports, dialects of several locales."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Writer = Callable[[Array, Array, Array, Array], bytes]
"""From wavelengths, sample, dark and reference in counts to the bytes of a file."""


def absorbance(sample: Array, dark: Array, reference: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return -np.log10(np.maximum(sample - dark, 1e-3) / np.maximum(reference - dark, 1e-3))


def avasoft_8(w: Array, s: Array, d: Array, r: Array) -> bytes:
    head = (
        "well A1\r\nIntegration time [ms]:   2.00\r\nAveraging Nr. [scans]: 250\r\nSmoothing Nr. [pixels]: 6\r\n"
        "Data measured with spectrometer [name]: 1209167U1\r\n"
        "Wave   ;Sample   ;Dark     ;Reference;Absorbance\r\n[nm]   ;[counts] ;[counts] ;[counts] ;[A.U.]\r\n\r\n"
    )
    rows = zip(w, s, d, r, absorbance(s, d, r), strict=True)
    return (head + "".join("{:7.2f};{:9.3f};{:9.3f};{:9.3f};{:9.5f}\r\n".format(*row) for row in rows)).encode()


def avasoft_7(w: Array, s: Array, d: Array, r: Array) -> bytes:
    """Comma decimals, cp1252, and a name padded with NUL."""
    head = (
        "Probe für Messung µ\r\nIntegration time: 2,00 ms\r\nAverage: 250 scans\r\n"
        "Nr of pixels used for smoothing: 6\r\nData measured with spectrometer name: 0804016U1" + "\0" * 20 + "\r\n"
        "Wave   ;Dark     ;Ref      ;Sample   ;Absorbance\r\n[nm]   ;[counts] ;[counts] ;[counts] ;[A.U.]\r\n\r\n"
    )
    rows = zip(w, d, r, s, absorbance(s, d, r), strict=True)
    body = "".join("{:.2f};{:.3f};{:.3f};{:.3f};{:.5f}\r\n".format(*row) for row in rows)
    return head.encode("cp1252") + body.replace(".", ",").encode("cp1252")


def oceanview(w: Array, s: Array, d: Array, r: Array) -> bytes:
    """Emission: counts without references."""
    head = (
        "Data from well.txt Node\r\n\r\nDate: Tue Mar 18 08:44:17 EST 2014\r\nUser: lab\r\n"
        "Spectrometer: USB2+H09794\r\nTrigger mode: 0\r\nIntegration Time (sec): 2.000000E-3\r\n"
        f"Scans to average: 250\r\nBoxcar width: 0\r\nNumber of Pixels in Spectrum: {w.size}\r\n"
        ">>>>>Begin Spectral Data<<<<<\r\n"
    )
    return (head + "".join(f"{a:.4E}\t{b:.6E}\r\n" for a, b in zip(w, s - d, strict=True))).encode()


def spectrasuite(w: Array, s: Array, d: Array, r: Array) -> bytes:
    head = (
        "SpectraSuite Data File\n++++++++++++++++++++++++++++++++++++\nDate: Thu Mar 20 10:11:12 CET 2014\nUser: lab\n"
        "Spectrometers: USB4A00428\nIntegration Time (usec): 2000 (USB4A00428)\nSpectra Averaged: 250 (USB4A00428)\n"
        f"Number of Pixels in Processed Spectrum: {w.size}\n>>>>>Begin Processed Spectral Data<<<<<\n"
    )
    rows = "".join(f"{a:.2f}\t{b:.3f}\n" for a, b in zip(w, s - d, strict=True)).replace(".", ",")
    return (head + rows + ">>>>>End Processed Spectral Data<<<<<\n").encode()


def jaz(w: Array, s: Array, d: Array, r: Array) -> bytes:
    head = (
        "Jaz Absolute Irradiance File\n++++++++++++++++++++++++++++++++++++\nDate: Thu Mar 20 10:11:12 2014\n"
        "Spectrometers: JAZA1465\nIntegration Time (usec): 2000 (JAZA1465)\nSpectra Averaged: 250 (JAZA1465)\n"
        ">>>>>Begin Processed Spectral Data<<<<<\nW\tD\tR\tS\tP\n"
    )
    rows = zip(w, d, r, s, absorbance(s, d, r), strict=True)
    body = "".join("{:.2f}\t{:.3f}\t{:.3f}\t{:.3f}\t{:.5f}\n".format(*row) for row in rows)
    return (head + body + ">>>>>End Processed Spectral Data<<<<<\n").encode()


def cary(w: Array, s: Array, d: Array, r: Array) -> bytes:
    """Two samples in one file, descending, metadata below."""
    a = absorbance(s, d, r)
    rows = "".join(f"{x:.7f},{y:.6f},{x:.7f},{1.1 * y:.6f},\r\n" for x, y in zip(w[::-1], a[::-1], strict=True))
    head = "QD_A1,,QD_A2,,\r\nWavelength (nm),Abs,Wavelength (nm),Abs,\r\n"
    return (head + rows + "\r\nQD_A1\r\nCollection Time: 3/18/2014 8:44:17 AM\r\nScan Rate: 600\r\n").encode()


def jcamp_dx(w: Array, s: Array, d: Array, r: Array) -> bytes:
    a = absorbance(s, d, r)
    head = (
        "##TITLE= QD\n##JCAMP-DX= 4.24\n##DATA TYPE= UV/VIS SPECTRUM\n##ORIGIN= lab\n##OWNER= lab\n"
        "##XUNITS= NANOMETERS\n##YUNITS= ABSORBANCE\n##XFACTOR= 1.0\n##YFACTOR= 1.0\n"
        f"##FIRSTX= {w[0]:.2f}\n##LASTX= {w[-1]:.2f}\n##NPOINTS= {w.size}\n##XYPOINTS= (XY..XY)\n"
    )
    return (head + "".join(f"{x:.2f}, {y:.6f}\n" for x, y in zip(w, a, strict=True)) + "##END=\n").encode()


def plain_csv(w: Array, s: Array, d: Array, r: Array) -> bytes:
    rows = "".join(f"{x:.2f},{y:.6f}\n" for x, y in zip(w, absorbance(s, d, r), strict=True))
    return ("\ufeffwavelength_nm,absorbance\n" + rows).encode()


def utf16_transmittance(w: Array, s: Array, d: Array, r: Array) -> bytes:
    t = 100 * 10.0 ** -absorbance(s, d, r)
    rows = "".join(f"{x:.2f}\t{y:.5f}\r\n" for x, y in zip(w, t, strict=True))
    return ("Wavelength [nm]\t%T\r\n" + rows).encode("utf-16")


def avasoft_8_binary(w: Array, s: Array, d: Array, r: Array) -> bytes:
    head = struct.pack(
        "<BBBB10s64sBHHfII", 0, 1, 16, 0, b"1209167U1", b"probe", 1, 10, 10 + w.size - 1, 2.0, 0, 250
    ).ljust(318, b"\0")
    block = head + np.concatenate([w, s, d, r]).astype("<f4").tobytes()
    return b"AVS84\x01" + struct.pack("<I", len(block) + 4 - 10) + block


def avasoft_7_binary(w: Array, s: Array, d: Array, r: Array) -> bytes:
    """Wavelengths are a line through the ends: for even grids only. The file's name ends in abs."""
    head = np.zeros(100, dtype="<f4")
    head[0], head[79], head[80] = 70.0, 0.0, w.size - 1
    head[74], head[75] = w[0], (w[-1] - w[0]) / (w.size - 1)
    return head.tobytes() + np.stack([s, r, d], axis=1).astype("<f4").tobytes() + b"\0" * 12


ABSORPTION: dict[str, tuple[str, Writer]] = {
    "avasoft8.txt": ("AvaSoft 8", avasoft_8),
    "avasoft7.ttt": ("AvaSoft 7", avasoft_7),
    "jaz.jaz": ("Jaz", jaz),
    "cary.csv": ("Cary", cary),
    "jcamp.jdx": ("JCAMP-DX", jcamp_dx),
    "plain.csv": ("table", plain_csv),
    "utf16.txt": ("table", utf16_transmittance),
    "binary.raw8": ("AvaSoft 8 binary", avasoft_8_binary),
    "binary.abs": ("AvaSoft 7 binary", avasoft_7_binary),
}
EMISSION: dict[str, tuple[str, Writer]] = {
    "oceanview.txt": ("OceanView", oceanview),
    "spectrasuite.txt": ("SpectraSuite", spectrasuite),
}

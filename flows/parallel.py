"""Many independent runs on all cores, each in a process of its own, with progress and the time that is left."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TextIO, TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


def each(
    work: Callable[[Job], Done],
    jobs: Sequence[Job],
    *,
    name: str,
    workers: int | None = None,
    say: TextIO | None = None,
) -> list[Done]:
    """Return ``work`` of every job, in their order; ``work`` must be a function of a module.

    Processes are spawned, each with one thread for its matrices. Progress goes to ``say`` (stderr if None).
    """
    count = max(1, min(workers or os.cpu_count() or 1, len(jobs)))
    show = _Progress(name, len(jobs), sys.stderr if say is None else say)
    if count == 1:
        found = []
        for job in jobs:
            found.append(work(job))
            show.one_more()
        return found
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by a child's BLAS when it starts
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=count, mp_context=context) as pool:
        futures = {pool.submit(work, job): i for i, job in enumerate(jobs)}
        results: dict[int, Done] = {}
        try:
            for future in as_completed(futures):
                results[futures[future]] = future.result()
                show.one_more()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[i] for i in range(len(jobs))]


class _Progress:
    """One line per finished job: how many of how many, and how long the rest takes at this pace."""

    def __init__(self, name: str, total: int, stream: TextIO) -> None:
        self._name, self._total, self._stream = name, total, stream
        self._done, self._began_s = 0, time.monotonic()

    def one_more(self) -> None:
        self._done += 1
        left_s = (time.monotonic() - self._began_s) / self._done * (self._total - self._done)
        left = f"about {left_s:.0f} s left" if left_s < 90 else f"about {left_s / 60:.0f} min left"
        done = "done" if self._done == self._total else left
        self._stream.write(f"{self._name}: {self._done} of {self._total}, {done}\n")
        self._stream.flush()

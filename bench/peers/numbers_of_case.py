"""The numbers of a case, as bench/timed_case.h has them (number_of), and its timing protocol; for the peers in Python."""
import os
import statistics
import sys
import time

import numpy

WEIGHT = 0.1


def numbers_of(name, *shape):
    """The array `name`, in [-1, 1), row-major, float."""
    seed = 2166136261
    for letter in name.encode():
        seed = (seed ^ letter) * 16777619 % 2**32
    h = numpy.arange(1, 1 + int(numpy.prod(shape)), dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(seed)
    h = (h ^ (h >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    h = (h ^ (h >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    h = h ^ (h >> numpy.uint32(16))
    return ((h >> numpy.uint32(8)) / 8388608 - 1).astype("f").reshape(shape)


def weight_of(name, *shape):
    return (numbers_of(name, *shape) * WEIGHT).astype("f")


def median_ms(action, seconds=0.4):
    now = time.process_time if "TAPELOOP_BENCH_CLOCK" in os.environ else time.perf_counter
    times, start = [], now()
    while not times or now() - start < seconds:
        before = now()
        action()
        times.append(now() - before)
    return statistics.median(times) * 1e3


def serve(action):
    """Says "ready", then answers every line on standard input by a median time."""
    action()
    action()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(f"{median_ms(action):.6g}", flush=True)

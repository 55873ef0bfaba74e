"""`python -m tests.fuzz`: damaged files of every kind that is read (`make fuzz`).

Good files are made, bytes of them are changed, and each reader is run on the results in a process
of its own with limits on memory and time. What may come of it is an answer or an `XGenError` in one
line; anything else is printed with the seed that makes it again:

    python -m tests.fuzz --reader nrrd --first 1817 --count 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from tests.fuzz_seeds import Reader, readers

COUNT = 10_000  # inputs a reader
SLOWEST = 10.0  # s an input
MEMORY = 3 * 2**30  # bytes of address space that a reader may take beyond its start
TOO_MUCH = 512 * 2**20  # bytes of memory that an input may really take


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Good bytes with damage of the kinds that copies, disks and attackers do."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        if not data:
            break
        at = rng.randrange(min(len(data), rng.choice((64, 512, 4096, 1 << 30))))
        kind = rng.randrange(9)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 1, 127, 128, 255, 10, 32, 45, 57))
        elif kind == 2:
            del data[at : at + rng.choice((1, 2, 4, 16, 256))]
        elif kind == 3:
            piece = data[at : at + rng.choice((1, 4, 16, 64))]
            data[at:at] = piece * rng.choice((1, 2, 50))
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            number = rng.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1))
            size = rng.choice((2, 4, 8))
            order = rng.choice(("little", "big"))
            data[at : at + size] = (number % 2 ** (8 * size)).to_bytes(size, order)
        elif kind == 6:
            word = rng.choice(WORDS)
            data[at : at + rng.choice((0, 1, len(word)))] = word
        elif kind == 7:
            other = rng.randrange(len(data))
            data[at : at + 8], data[other : other + 8] = data[other : other + 8], data[at : at + 8]
        else:
            data[at : at + 16] = bytes(rng.randrange(256) for _ in range(16))
    return bytes(data)


NET = "is damaged in an unforeseen way"  # what the last net of the readers says

WORDS = (
    *(b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"9" * 30, b"1e-400", b"null", b"true"),
    *(b"[" * 3000, b"{" * 500, b'"', b"\\ud800", b"\0", b"\n", b"\xff\xfe", b"../../etc/passwd"),
    *(b"/dev/zero", b"4294967296", b"2147483648 2147483648", b"LIST", b"%d"),
)


def work(reader: Reader, folder: Path, first: int, pipe: Connection) -> None:
    """In the child: read input after input, telling each before it is begun."""
    warnings.simplefilter("ignore")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    from xgen_studio.errors import XGenError

    with suppress(XGenError):  # a mask is no volume; what is imported counts for nobody
        reader.read(reader.write(folder / "good", None))
    with open("/proc/self/statm") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    names = set(os.listdir(folder))
    number = first
    while True:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pipe.send(("begin", number, ""))
        rng = random.Random(f"{reader.name} {number}")
        place = folder / "case"
        found, text = "read", ""
        try:
            path = reader.write(place, lambda content, rng=rng: mutated(content, rng))
            reader.read(path)
        except XGenError as error:
            found = "refused" if NET not in str(error) else "refused unawares"
            if "\n" in str(error).strip() or not str(error):
                found, text = "not one line", repr(str(error))[:300]
        except MemoryError:
            found, text = "memory", traceback.format_exc()[-600:]
        except BaseException as error:
            found, text = f"other: {type(error).__name__}", traceback.format_exc()[-900:]
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        if grown > TOO_MUCH and found in ("read", "refused"):
            found, text = "memory", f"{grown / 2**20:.0f} MiB more"
        if more := set(os.listdir(folder)) - names - {"case"}:
            found, text = "wrote elsewhere", repr(more)
        shutil.rmtree(place, ignore_errors=True)
        pipe.send(("end", number, f"{found}\t{text}"))
        number += 1


def run(reader: Reader, first: int, count: int, until: float) -> Iterator[tuple[int, str, str]]:
    """(number, what came of it, in full) of each input; a child that dies has a successor."""
    context = multiprocessing.get_context("fork")
    number = first
    while number < first + count and time.monotonic() < until:
        folder = Path(tempfile.mkdtemp(prefix="xgen-fuzz-"))
        ours, theirs = context.Pipe()
        child = context.Process(target=work, args=(reader, folder, number, theirs), daemon=True)
        child.start()
        theirs.close()
        try:
            while number < first + count and time.monotonic() < until:
                if not ours.poll(SLOWEST + (50 if number == first else 0)):
                    yield number, "hang", f"more than {SLOWEST:.0f} s"
                    number += 1
                    break
                what, number, told = ours.recv()
                if what == "end":
                    found, _, text = told.partition("\t")
                    yield number, found, text
                    number += 1
        except EOFError:
            child.join(5)
            yield number, f"crash {child.exitcode}", "the process ended"
            number += 1
        finally:
            child.kill()
            child.join()
            ours.close()
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Fuzz; returns how many inputs came to a bad end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reader", help="one of them alone")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--count", type=int, default=COUNT, help="inputs a reader")
    parser.add_argument("--minutes", type=float, default=60.0, help="in all")
    call = parser.parse_args()
    chosen = [r for r in readers() if call.reader in (None, r.name)]
    if not chosen:
        print("there is", ", ".join(r.name for r in readers()))
        return 2
    began, bad = time.monotonic(), 0
    for k, reader in enumerate(chosen):
        share = (began + 60 * call.minutes - time.monotonic()) / (len(chosen) - k)
        counts: Counter[str] = Counter()
        start = time.monotonic()
        for number, found, text in run(reader, call.first, call.count, start + share):
            counts[found] += 1
            if found not in ("read", "refused"):
                bad += 1
                if counts[found] <= 3:
                    print(f"{reader.name} {number}: {found}\n{text}", flush=True)
        said = ", ".join(f"{n:,} {what}" for what, n in counts.most_common())
        print(f"{reader.name:12} {said}  ({time.monotonic() - start:.0f} s)", flush=True)
    print(f"{bad} bad ends")
    return min(bad, 100)


if __name__ == "__main__":
    sys.exit(main())

"""Jobs in lanes: in each lane one after the other, the lanes beside each other; what a job prints comes whole when it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    """Something that runs, where, and how much it stands back behind the others."""

    name: str
    command: list[str]
    folder: Path
    nice: int = 0
    environment: dict[str, str] = {}


# Of a job that failed, so many bytes of what it printed last stand at the very end, too: whoever reads a part of a long log reads its end.
SHOWN_AGAIN = 4000


class Lanes:
    """Jobs that run, and how they ended."""

    def __init__(self) -> None:
        self.failed: dict[str, bytes] = {}
        self.running: set[subprocess.Popen[bytes]] = set()
        self.lock = threading.Lock()
        self.stopped = False

    def run(self, lane: list[Job]) -> None:
        """Runs a lane."""
        for job in lane:
            began = time.monotonic()
            with self.lock:
                if self.stopped:
                    return
                process = subprocess.Popen(
                    ["nice", "-n", str(job.nice), *job.command],
                    cwd=job.folder, env={**os.environ, **job.environment}, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )
                self.running.add(process)
            output, _ = process.communicate()
            with self.lock:
                self.running.discard(process)
                print(f"\n     Running {job.name}", flush=True)
                sys.stdout.buffer.write(output)
                print(f"     {job.name} ended after {time.monotonic() - began:.0f} s", flush=True)
                if process.returncode:
                    self.failed[job.name] = output[-SHOWN_AGAIN:]

    def stop(self, number: int, _frame: object) -> None:
        """Ends what runs; begins nothing more."""
        self.stopped = True
        for process in list(self.running):
            process.terminate()
        sys.exit(128 + number)


def run(lanes: list[list[Job]]) -> None:
    """Runs all jobs, even when one fails; then fails when one did."""
    running = Lanes()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, running.stop)
    threads = [threading.Thread(target=running.run, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, output in sorted(running.failed.items()):
        print(f"\n     {name} failed; the end of what it printed", flush=True)
        sys.stdout.buffer.write(output)
    sys.stdout.flush()
    if running.failed:
        sys.exit(f"\nfailed: {', '.join(sorted(running.failed))}")

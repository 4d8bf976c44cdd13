#!/usr/bin/env python3
"""Packages a film of 600 s with `cargo run -p packager --example package` and with ffmpeg, in turns, and prints medians.

    scripts/bench_packaging.py [ROUNDS]      (7 when not given; needs cargo and ffmpeg)
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLIP = "-f lavfi -i testsrc2=s=1280x720:r=30:d=60 -f lavfi -i sine=sample_rate=48000:d=60 -c:v libx264 -preset ultrafast " \
       "-bf 2 -g 60 -b:v 2500k -pix_fmt yuv420p -c:a aac -b:a 128k -shortest"
HLS = "-c copy -f hls -hls_segment_type fmp4 -hls_time 4 -hls_playlist_type vod"


def ffmpeg(*arguments):
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]


def measured(command):
    """Seconds, CPU seconds and peak MB of a command that must succeed."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    os.chdir(Path(__file__).parent.parent)
    subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "packager", "--example", "package"], check=True)
    program = Path(os.environ.get("CARGO_TARGET_DIR", "target")) / "debug/examples/package"
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        minute, film = folder / "minute.mp4", folder / "film.mp4"
        subprocess.run(ffmpeg(*CLIP.split(), minute), check=True)
        subprocess.run(ffmpeg("-stream_loop", 9, "-i", minute, "-c", "copy", film), check=True)
        ours, theirs = [], []
        for number in range(rounds):
            output = folder / str(number)
            (output / "hls").mkdir(parents=True)
            ours.append(measured([program, film, output / "ours"]))
            theirs.append(measured(ffmpeg("-i", film, *HLS.split(), output / "hls/film.m3u8")))
            subprocess.run(["rm", "-r", output], check=True)
        print(f"film of {film.stat().st_size / 1e6:.0f} MB, medians of {rounds} rounds")
        medians = []
        for name, runs in (("packager", ours), ("ffmpeg", theirs)):
            seconds, cpu, memory = (statistics.median(run[field] for run in runs) for field in range(3))
            medians.append((seconds, cpu, memory))
            print(f"{name:9} {seconds:6.2f} s   {cpu:6.2f} CPU-s   {memory:6.1f} MB of memory")
        (a, b, _), (c, d, _) = medians
        print(f"ffmpeg needs {c / a:.1f} times as long and {d / b:.1f} times the CPU")


if __name__ == "__main__":
    main()

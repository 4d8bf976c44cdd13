#!/usr/bin/env python3
"""Many viewers of one film, each of whom reads segments as a player does; without a browser, so that it is the server that is measured.

    bench_viewers.py --url http://…/watch/ID --tracks video-720,audio [--form segments|ranges] [--viewers 100] [--seconds 60] [--seed 1]

Prints JSON. Standard library only; one process, one thread, one connection per viewer.

A viewer joins at a random place, plays once FIRST_S are buffered, and asks for the next segment of the track with the least buffered
whenever that falls under AHEAD_S. A stall is an empty buffer while it plays.
"""
import argparse
import asyncio
import json
import math
import random
import re
import resource
import time
import urllib.parse
import urllib.request

FIRST_S = 4.0
AHEAD_S = 12.0
# All viewers join within this time, evenly.
JOINING_S = 10.0
READ_LEN = 1 << 18


# How media playlists name segments: each by a URL of its own, or as byte ranges of one file.
FORMS = {"segments": ".m3u8", "ranges": ".ranges.m3u8"}
# What stands before the URI of a segment, in any order (RFC 8216 section 4.3.2).
DURATION = re.compile(r"#EXTINF:([\d.]+)")
RANGE = re.compile(r"#EXT-X-BYTERANGE:(\d+)@(\d+)")


class Film:
    """For each track its segments: (request, where it begins, where it ends), in seconds; a request is a path and a Range field."""

    def __init__(self, url, tracks, form):
        self.host, self.base = urllib.parse.urlsplit(url).netloc, urllib.parse.urlsplit(url).path
        self.tracks = [self.read(f"{url}/{track}{FORMS[form]}") for track in tracks]
        self.duration = min(track[-1][2] for track in self.tracks)

    def read(self, url):
        with urllib.request.urlopen(url, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        segments, at, length, field = [], 0.0, 0.0, ""
        for line in lines:
            if found := DURATION.match(line):
                length = float(found[1])
            elif found := RANGE.match(line):
                first = int(found[2])
                field = f"Range: bytes={first}-{first + int(found[1]) - 1}\r\n"
            elif line and not line.startswith("#"):
                segments.append(((f"{self.base}/{line}", field), at, at + length))
                at, field = at + length, ""
        return segments


class Connection:
    """One kept-alive HTTP connection whose bodies are counted and dropped."""

    def __init__(self, host):
        self.host = host

    async def open(self):
        name, port = self.host.split(":")
        self.reader, self.writer = await asyncio.open_connection(name, int(port), limit=1 << 20)

    async def get(self, path, field):
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{field}\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        if (b" 206 " if field else b" 200 ") not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"GET {path}: {head[:80]!r}")
        left = length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while left:
            block = await self.reader.read(min(left, READ_LEN))
            if not block:
                raise SystemExit(f"GET {path}: the answer was cut off")
            left -= len(block)
        return length


class Viewer:
    def __init__(self, film, place):
        self.film = film
        self.joined = time.monotonic()
        # The next segment of each track: the one that has the place.
        self.next = [next(n for n, (_, _, end) in enumerate(track) if end > place) for track in film.tracks]
        self.position, self.seen = place, self.joined
        self.startup = None
        self.bytes = self.stalls = self.requests = 0
        self.stalled_s = 0.0

    def buffered(self):
        """Seconds ahead of the position, of the track that has least."""
        return min(self.ends()) - self.position

    def ends(self):
        # What is fetched ends where the next segment begins.
        return [track[n][1] if n < len(track) else track[-1][2] for track, n in zip(self.film.tracks, self.next)]

    def play_until(self, now):
        """Moves on to now; where the buffer does not last so long, that is a stall."""
        if self.startup is None:
            if self.buffered() >= FIRST_S:
                self.startup = now - self.joined
        else:
            wanted = now - self.seen
            played = min(wanted, max(0.0, self.buffered()))
            self.position += played
            if wanted - played > 1e-3:
                self.stalls += 1
                self.stalled_s += wanted - played
        self.seen = now

    async def watch(self, until):
        connection = Connection(self.film.host)
        await connection.open()
        while (now := time.monotonic()) < until:
            if self.startup is not None and self.buffered_at(now) >= AHEAD_S:
                await asyncio.sleep(min(self.buffered_at(now) - AHEAD_S + 0.01, until - now))
                continue
            ends = self.ends()
            track = ends.index(min(ends))
            if self.next[track] == len(self.film.tracks[track]):
                break
            self.bytes += await connection.get(*self.film.tracks[track][self.next[track]][0])
            self.requests += 1
            # What was played meanwhile, was played without this segment.
            self.play_until(time.monotonic())
            self.next[track] += 1
            self.play_until(time.monotonic())
        self.play_until(min(until, time.monotonic()))
        connection.writer.close()

    def buffered_at(self, now):
        return self.buffered() - (now - self.seen)


async def join(film, place, wait, until):
    await asyncio.sleep(wait)
    viewer = Viewer(film, place)
    await viewer.watch(until)
    return viewer


async def play(film, options):
    chance = random.Random(options.seed)
    latest = film.duration - options.seconds - AHEAD_S - FIRST_S
    if latest < 0:
        raise SystemExit(f"a film of {film.duration} s is too short to be watched for {options.seconds} s from random places")
    until = time.monotonic() + options.seconds
    joining = min(JOINING_S, options.seconds / 4)
    waits = [joining * n / options.viewers for n in range(options.viewers)]
    return await asyncio.gather(*(join(film, chance.uniform(0, latest), wait, until) for wait in waits))


def rank(values, share):
    """The smallest of the values that this share of them does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def report(viewers, seconds):
    usage = resource.getrusage(resource.RUSAGE_SELF)
    startups = [seconds if viewer.startup is None else viewer.startup for viewer in viewers]
    return {
        "viewers": len(viewers),
        "stalls": sum(viewer.stalls for viewer in viewers),
        "stalled_s": sum(viewer.stalled_s for viewer in viewers),
        "startup_p50_ms": 1000 * rank(startups, 0.5),
        "startup_p95_ms": 1000 * rank(startups, 0.95),
        "bytes": sum(viewer.bytes for viewer in viewers),
        "requests": sum(viewer.requests for viewer in viewers),
        "seconds": seconds,
        "client_cpu_s": usage.ru_utime + usage.ru_stime,
    }


def main():
    parser = argparse.ArgumentParser(description="Many viewers of one film.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--tracks", required=True)
    parser.add_argument("--form", choices=FORMS, default="segments")
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    film = Film(options.url, options.tracks.split(","), options.form)
    began = time.monotonic()
    viewers = asyncio.run(play(film, options))
    print(json.dumps(report(viewers, time.monotonic() - began)))


if __name__ == "__main__":
    main()

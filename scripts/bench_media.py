#!/usr/bin/env python3
"""Measures publications on a running devnet: packaging, the page in Chromium, and many viewers; beside ffmpeg and nginx in the same run.

    bench_media.py --devnet DIR --headwater PROGRAM --packager PROGRAM --page DIST --coding 4+2 --scratch DIR
                   --nginx URL --nginx-root DIR --nginx-pids PIDS [--film-seconds 600] [--loads 20] [--viewers 100]
                   [--viewer-seconds 60] [--out FILE]

Standard library, ffmpeg and player-demo/e2e/measure.ts. MB = 10^6 bytes; p95 is the smallest sample that 95 % of them do not exceed.

A cold gateway is a new process: it knows the film's record and has neither cells nor connections to nodes.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

from bench_http import Connection, Devnet, cpu_seconds, machine, memory_mib
from bench_viewers import rank

ROOT = pathlib.Path(__file__).resolve().parent.parent
BITS_PER_S = 5_000_000
# Encoded once and repeated: what is measured does not look into the pictures.
LOOP_S = 20
CACHE = "64MiB"
SEEKS_PER_LOAD = 5
# The page reads 30 s ahead; jumps are at least two thirds of this apart.
APART_S = 60
PACKAGINGS = 5
# How media playlists name segments: each by a URL of its own, or as byte ranges of one file.
FORMS = ("segments", "ranges")
HLS = "-c copy -f hls -hls_segment_type fmp4 -hls_time 4 -hls_playlist_type vod"


class Figures:
    """Rows of a table: what was measured, its unit, its value, and the same of the limit beside it."""

    def __init__(self):
        self.rows = []

    def add(self, name, unit, value, limit=None, of=""):
        self.rows.append({"name": name, "unit": unit, "value": value, "limit": limit, "limit_is": of})

    def latencies(self, name, values, limits=None, of=""):
        for share in (0.5, 0.95):
            limit = rank(limits, share) if limits else None
            self.add(f"{name}, p{round(100 * share)}", "ms", rank(values, share), limit, of)

    def print(self):
        width = max(len(row["name"]) for row in self.rows)
        for row in self.rows:
            limit = f"{row['limit']:10.1f}  {row['limit_is']}" if row["limit"] is not None else ""
            print(f"{row['name']:<{width}}  {row['value']:10.1f} {row['unit']:<9}{limit}".rstrip())


def make_film(folder, seconds):
    """About 5 Mbit/s of 720p with a keyframe every two seconds; the noise keeps it from being compressed further."""
    loop, film = folder / "loop.mp4", folder / "film.mp4"
    picture = "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t"
    rate = ["-b:v", str(BITS_PER_S), "-maxrate", str(BITS_PER_S), "-bufsize", str(BITS_PER_S)]
    coder = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-sc_threshold", "0", *rate]
    sound = ["-c:a", "aac", "-b:a", "128k"]
    sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
    ffmpeg(*sources, "-t", str(LOOP_S), *coder, *sound, loop)
    ffmpeg("-stream_loop", str(max(1, seconds // LOOP_S) - 1), "-i", loop, "-c", "copy", film)
    return film


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


# Packaging


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


def measure_packaging(options, figures, film):
    ours, theirs, copies = [], [], []
    out = options.scratch / "packaged"
    theirs_command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(film), *HLS.split(), str(out / "film.m3u8")]
    for _ in range(PACKAGINGS):
        for samples, command in (
            (ours, [options.packager, str(film), str(out)]),
            (theirs, theirs_command),
            (copies, ["cp", str(film), str(out / "copy.mp4")]),
        ):
            out.mkdir()
            samples.append(measured(command))
            shutil.rmtree(out)
    median = lambda samples, what: statistics.median(sample[what] for sample in samples)
    name = f"packaging {film.stat().st_size / 1e6:.0f} MB"
    figures.add(name, "ms", 1000 * median(ours, 0), 1000 * median(theirs, 0), "ffmpeg -c copy -f hls")
    figures.add(f"{name}, beside cp", "ms", 1000 * median(ours, 0), 1000 * median(copies, 0), "cp")
    figures.add(f"{name}, times as fast as ffmpeg", "×", median(theirs, 0) / median(ours, 0))
    figures.add(f"{name}, CPU", "ms", 1000 * median(ours, 1), 1000 * median(theirs, 1), "ffmpeg -c copy -f hls")
    figures.add(f"{name}, peak memory", "MB", median(ours, 2), median(theirs, 2), "ffmpeg -c copy -f hls")


# The film at a gateway of our own


class Gateway:
    """A gateway beside the devnet, which can be started anew and then has nothing but its catalogue."""

    def __init__(self, options):
        self.options = options
        self.config = options.scratch / "gateway.toml"
        self.config.touch()

    @contextlib.contextmanager
    def cold(self):
        options = self.options
        serve = ["--listen", "127.0.0.1:0", "--cache", CACHE, "--any-creator", "--page", options.page, "--config", str(self.config)]
        known = ["--catalogue", str(options.scratch / "catalogue")]
        process = subprocess.Popen(
            [options.headwater, "--json", "gateway", *serve, *known], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        try:
            yield json.loads(process.stdout.readline())["ready"]["url"], process.pid
        finally:
            process.terminate()
            process.wait()


def publish(options, gateway, film):
    command = [options.headwater, "--json", "publish", str(film), "--title", "The long film", "--coding", options.coding]
    done = subprocess.run([*command, "--gateway", gateway], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)["id"]


class Film:
    """What the measurements need to know of the publication."""

    def __init__(self, gateway, id):
        self.id, self.path = id, f"/watch/{id}"
        self.told = json.loads(fetch(f"{gateway}/api/publications/{id}"))
        self.tracks = [track for track in self.told["tracks"] if track["kind"] in ("video", "audio")]
        self.video = next(track for track in self.tracks if track["kind"] == "video")


def fetch(url):
    with urllib.request.urlopen(url, timeout=120) as answer:
        return answer.read()


def mirror(options, gateway, film):
    """Everything that the page asks for, as files of nginx's."""
    root = pathlib.Path(options.nginx_root)
    shutil.copytree(options.page, root, dirs_exist_ok=True)
    files = ["bundle", "record", "master.m3u8", "poster", "strip"]
    for track in film.tracks:
        files += [f"{track['id']}.m3u8", f"{track['id']}/init.mp4"]
        files += [f"{track['id']}/{n}.m4s" for n in range(track["segments"])]
    for file in files:
        path = root / "watch" / film.id / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fetch(f"{gateway}{film.path}/{file}"))


# The page in Chromium


class Browser:
    """player-demo/e2e/measure.ts, which opens a watch page for each order."""

    def __enter__(self):
        command = ["npm", "run", "--silent", "--prefix", str(ROOT / "player-demo"), "measure"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def measure(self, url, seeks=(), form=None):
        """With a form, hls.js by itself plays from playlists of that form."""
        order = {"url": url, "seeks": list(seeks), **({"form": form} if form else {})}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"the browser ended while it measured {url}")
        return json.loads(answer)


def places(chance, duration):
    """Where one load jumps to: in any order, and so far apart that nothing read ahead from one reaches the next."""
    count = min(SEEKS_PER_LOAD, int(duration / APART_S) - 1)
    step = duration / (count + 1)
    chosen = [step * (n + 1) + chance.uniform(0, step / 3) for n in range(count)]
    chance.shuffle(chosen)
    return chosen


def load_pages(options, film, browser, server):
    """(first frames, seeks) in ms; `server` gives the URL of a new server for each page."""
    chance = random.Random(7)
    firsts, seeks = [], []
    for load in range(options.loads):
        # Every fourth page also jumps about: so there are about as many jumps as loads.
        jumps = places(chance, film.told["duration_ms"] / 1000) if load % 4 == 0 else ()
        with server() as (url, _):
            answer = browser.measure(url + film.path, jumps)
        firsts.append(answer["firstFrame"])
        seeks += answer["seeks"]
    return firsts, seeks


def load_forms(options, film, browser, server):
    """{form: (first frames, seeks)} in ms, of hls.js by itself; the forms take turns, and both jump to the same places."""
    chance = random.Random(9)
    times = {form: ([], []) for form in FORMS}
    for load in range(options.loads):
        jumps = places(chance, film.told["duration_ms"] / 1000) if load % 4 == 0 else ()
        for form in FORMS if load % 2 == 0 else reversed(FORMS):
            with server() as (url, _):
                answer = browser.measure(url + film.path, jumps, form)
            times[form][0].append(answer["firstFrame"])
            times[form][1].extend(answer["seeks"])
    return times


def read_segments(options, gateway, film):
    """Milliseconds of whole segments at random from a cold gateway: what a seek cannot do without."""
    chance = random.Random(8)
    chosen = chance.sample(range(1, film.video["segments"]), min(options.loads, film.video["segments"] - 1))
    times = []
    with gateway.cold() as (url, _):
        connection = Connection(url)
        for n in chosen:
            times.append(1000 * connection.get(f"{film.path}/{film.video['id']}/{n}.m4s")[1])
    return times


def measure_page(options, figures, gateway, film, net):
    nginx = contextlib.nullcontext((options.nginx, None))
    with Browser() as browser:
        limit = load_pages(options, film, browser, lambda: nginx)
        cold = load_pages(options, film, browser, gateway.cold)
        bare = read_segments(options, gateway, film)
        forms = load_forms(options, film, browser, gateway.cold)
        kill(net, int(options.coding.split("+")[1]))
        dead = load_pages(options, film, browser, gateway.cold)
        bare_dead = read_segments(options, gateway, film)
    for name, figure, segments in (("cold", cold, bare), ("m nodes dead", dead, bare_dead)):
        figures.latencies(f"first frame, {name}", figure[0], limit[0], "nginx instead of the gateway")
        figures.latencies(f"seek to what is not buffered, {name}", figure[1], limit[1], "nginx instead of the gateway")
        figures.latencies(f"one segment without a browser, {name}", segments)
    for at, name in enumerate(("first frame", "seek to what is not buffered")):
        by_range, by_url = forms["ranges"][at], forms["segments"][at]
        figures.latencies(f"{name}, hls.js alone, by byte range, cold", by_range, by_url, "by URL")


def kill(net, count):
    """Takes the power of the first nodes of the devnet, and they stay dead."""
    state = net.state()
    for node in state["nodes"][:count]:
        url = f"{state['control']['url']}/nodes/{node['id']}/kill"
        question = urllib.request.Request(url, method="POST", headers={"Authorization": f"Bearer {net.token()}"})
        urllib.request.urlopen(question, timeout=60).close()


# Many viewers


def watch(options, film, url, pids, form="segments"):
    """What the viewers report, and the CPU seconds of the server's processes per 10^9 bytes."""
    before = cpu_seconds(pids)
    tracks = ",".join(track["id"] for track in film.tracks)
    command = [sys.executable, str(ROOT / "scripts/bench_viewers.py"), "--url", url + film.path, "--tracks", tracks, "--form", form]
    done = subprocess.run(
        [*command, "--viewers", str(options.viewers), "--seconds", str(options.viewer_seconds)], stdout=subprocess.PIPE, check=True
    )
    seen = json.loads(done.stdout)
    # The kernel counts a process's time in ticks.
    time.sleep(0.1)
    seen["cpu_s_per_gb"] = (cpu_seconds(pids) - before) / (seen["bytes"] / 1e9)
    seen["mb_per_s"] = seen["bytes"] / 1e6 / seen["seconds"]
    seen["requests_per_s"] = seen["requests"] / seen["seconds"]
    return seen


def measure_viewers(options, figures, gateway, film, net):
    limit = watch(options, film, options.nginx, [int(pid) for pid in options.nginx_pids.split(",")])
    nodes = [node["pid"] for node in net.state()["nodes"]]
    with gateway.cold() as (url, pid):
        seen = watch(options, film, url, [*nodes, pid])
        peak = memory_mib([pid], "VmHWM")[pid]
    # By URL once more after the ranges: the nodes grow warmer from run to run.
    with gateway.cold() as (url, pid):
        by_range = watch(options, film, url, [*nodes, pid], "ranges")
    with gateway.cold() as (url, pid):
        again = watch(options, film, url, [*nodes, pid])
    name = f"{seen['viewers']} viewers"
    for row, unit, field in (
        ("stalls", "", "stalls"),
        ("time stalled", "s", "stalled_s"),
        ("startup, p50", "ms", "startup_p50_ms"),
        ("startup, p95", "ms", "startup_p95_ms"),
        ("all together", "MB/s", "mb_per_s"),
        ("CPU", "s/GB", "cpu_s_per_gb"),
        ("the viewers' own CPU", "s", "client_cpu_s"),
    ):
        figures.add(f"{name}, {row}", unit, seen[field], limit[field], "nginx instead of the gateway")
    figures.add(f"{name}, memory of the gateway, at most", "MiB", peak)
    for row, unit, field in (
        ("stalls", "", "stalls"),
        ("startup, p95", "ms", "startup_p95_ms"),
        ("requests", "/s", "requests_per_s"),
        ("CPU", "s/GB", "cpu_s_per_gb"),
    ):
        by_url = (seen[field] + again[field]) / 2
        figures.add(f"{name}, by byte range, {row}", unit, by_range[field], by_url, "by URL, before and after")


def arguments():
    parser = argparse.ArgumentParser(description="Measures publications on a running devnet.")
    for name in ("devnet", "headwater", "packager", "page", "coding", "nginx", "nginx-root", "nginx-pids"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--scratch", required=True, type=pathlib.Path)
    parser.add_argument("--film-seconds", type=int, default=600)
    parser.add_argument("--loads", type=int, default=20)
    parser.add_argument("--viewers", type=int, default=100)
    parser.add_argument("--viewer-seconds", type=int, default=60)
    parser.add_argument("--out")
    return parser.parse_args()


def main():
    options = arguments()
    net, gateway, figures = Devnet(options.devnet), Gateway(options), Figures()
    report = {"machine": machine(), "coding": options.coding, "film_seconds": options.film_seconds}
    say = lambda words: print(words, file=sys.stderr, flush=True)
    say("making the film")
    source = make_film(options.scratch, options.film_seconds)
    say("packaging")
    measure_packaging(options, figures, source)
    say("publishing")
    with gateway.cold() as (url, _):
        film = Film(url, publish(options, url, source))
        mirror(options, url, film)
    say("many viewers")
    measure_viewers(options, figures, gateway, film, net)
    # The last one, since it kills nodes.
    say("the page")
    measure_page(options, figures, gateway, film, net)
    figures.print()
    if options.out:
        report["figures"] = figures.rows
        pathlib.Path(options.out).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures a gateway of a running devnet, beside nginx and a bare TCP stream in the same run.

    bench_http.py --devnet DIR --headwater PROGRAM --coding 4+2 --scratch DIR [--mib 256] [--repeats 3]
                  [--nginx URL --nginx-root DIR --nginx-pids PIDS] [--out bench.json]

Standard library only. One client, one connection, MB = 10^6 bytes, medians over the repeats. Every
repeat has new random bytes, so that nothing it reads is in a cache before it was read once.

CPU is user + system time of all processes of the devnet (or nginx) during the phase, per 10^9 bytes.
"""

import argparse
import hashlib
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

MIB = 1 << 20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# How much of an object is read again from the gateway's cache: well below the cache's size.
CACHED_LEN = 64 * MIB
# Requests for the first byte of a range, per repeat.
PROBES = 20
# Between two offsets of those requests: far enough that no read-ahead reaches the next one.
PROBE_STEP = 8 * MIB


class Devnet:
    """What DIR/devnet.json says, read again whenever it may have changed."""

    def __init__(self, folder):
        self.folder = folder

    def state(self):
        with open(os.path.join(self.folder, "devnet.json"), encoding="utf-8") as file:
            return json.load(file)

    def pids(self):
        state = self.state()
        return [p["pid"] for p in state["nodes"] + state["gateways"] if p["pid"]]

    def token(self):
        with open(os.path.join(self.folder, "token"), encoding="utf-8") as file:
            return file.read().strip()


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:  # it has ended meanwhile
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_S


def memory_mib(pids, field):
    found = {}
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(field + ":"):
                    found[pid] = int(line.split()[1]) / 1024
    return found


def disk_bytes(folder):
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_blocks * 512 for name in names)
    return total


class Connection:
    """One kept-alive HTTP connection, and a buffer that is used again and again."""

    def __init__(self, url):
        self.base = urllib.parse.urlsplit(url)
        self.http = http.client.HTTPConnection(self.base.hostname, self.base.port, timeout=120)
        self.buffer = memoryview(bytearray(MIB))

    def get(self, path, byte_range=None, digest=None):
        """(seconds to the first byte, seconds in all, bytes) of one GET."""
        headers = {"Range": f"bytes={byte_range[0]}-{byte_range[1]}"} if byte_range else {}
        began = time.perf_counter()
        self.http.request("GET", path, headers=headers)
        answer = self.http.getresponse()
        if answer.status not in (200, 206):
            raise SystemExit(f"GET {path}: {answer.status} {answer.read(300)!r}")
        size = answer.readinto(self.buffer[:1])
        first = time.perf_counter() - began
        if digest:
            digest.update(self.buffer[:size])
        while count := answer.readinto(self.buffer):
            size += count
            if digest:
                digest.update(self.buffer[:count])
        return first, time.perf_counter() - began, size

    def post(self, path, file, headers):
        began = time.perf_counter()
        headers = {"Content-Length": str(os.path.getsize(file)), **headers}
        with open(file, "rb") as body:
            self.http.request("POST", path, body=body, headers=headers)
            answer = self.http.getresponse()
            text = answer.read()
        if answer.status // 100 != 2:
            raise SystemExit(f"POST {path}: {answer.status} {text[:300]!r}")
        return time.perf_counter() - began


class Figures:
    """Samples by name; each name has a unit and becomes a median."""

    def __init__(self):
        self.samples = {}

    def add(self, name, unit, value):
        self.samples.setdefault((name, unit), []).append(value)

    def timed(self, name, pids, size, run):
        """Runs one transfer of `size` bytes and notes its speed and what CPU time it cost."""
        before = cpu_seconds(pids)
        seconds = run()
        # The kernel counts a process's time in ticks, and acknowledgements come after the last byte.
        time.sleep(0.1)
        self.add(name, "MB/s", size / 1e6 / seconds)
        self.add(name + ", CPU", "s/GB", (cpu_seconds(pids) - before) / (size / 1e9))

    def medians(self):
        return {f"{name} [{unit}]": statistics.median(values) for (name, unit), values in self.samples.items()}


def bare_tcp(size):
    """Seconds for `size` bytes from one thread to another over loopback: what a socket alone allows."""
    listener = socket.create_server(("127.0.0.1", 0))
    block = bytes(MIB)

    def send():
        peer, _ = listener.accept()
        with peer:
            for _ in range(size // MIB):
                peer.sendall(block)

    sender = threading.Thread(target=send)
    sender.start()
    buffer = bytearray(MIB)
    began = time.perf_counter()
    with socket.create_connection(listener.getsockname()) as stream:
        while stream.recv_into(buffer):
            pass
    seconds = time.perf_counter() - began
    sender.join()
    listener.close()
    return seconds


def random_file(path, size):
    digest = hashlib.sha256()
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            block = os.urandom(MIB)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def put(options, path):
    program = [options.headwater, "--json", "put", path, "--coding", options.coding]
    run = subprocess.run(program, stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)


def probe(connection, path, offsets):
    return [1000 * connection.get(path, (offset, offset + MIB - 1))[0] for offset in offsets]


def measure_gateway(options, figures, repeat):
    devnet = Devnet(options.devnet)
    pids = devnet.pids()
    size = options.mib * MIB
    source = os.path.join(options.scratch, "source")
    digest = random_file(source, size)

    before = disk_bytes(os.path.join(options.devnet, "nodes"))
    figures.timed("put by the command line", pids, size, lambda: timed_put(options, source))
    answer = options.answer
    grown = disk_bytes(os.path.join(options.devnet, "nodes")) - before
    k, m = map(int, options.coding.split("+"))
    figures.add("disk beyond (k+m)/k", "%", 100 * (grown / (size * (k + m) / k) - 1))

    connection = Connection(answer["url"])
    path = connection.base.path
    offsets = list(range(size // 4, size - MIB, PROBE_STEP))[:PROBES]
    for milliseconds in probe(connection, path, offsets):
        figures.add("first byte of a range, cold", "ms", milliseconds)
    for milliseconds in probe(connection, path, offsets[:1] * PROBES):
        figures.add("first byte of a range, warm", "ms", milliseconds)

    # Another object, so that nothing of it has been read.
    digest = random_file(source, size)
    connection = Connection(put(options, source)["url"])
    path = connection.base.path
    check = hashlib.sha256()
    connection.get(path, (0, 0))
    figures.timed("GET, cold", pids, size, lambda: connection.get(path)[1])
    connection.get(path, digest=check)
    if check.hexdigest() != digest:
        raise SystemExit("the gateway's bytes are not those that were put")
    part = (0, min(size, CACHED_LEN) - 1)
    connection.get(path, part)
    figures.timed("GET, cached", pids, part[1] + 1, lambda: connection.get(path, part)[1])
    upload(options, figures, pids, source, size)
    print(f"repeat {repeat + 1} of {options.repeats} is done", file=sys.stderr)


def timed_put(options, source):
    began = time.perf_counter()
    options.answer = put(options, source)
    return time.perf_counter() - began


def upload(options, figures, pids, source, size):
    devnet = Devnet(options.devnet)
    connection = Connection(devnet.state()["gateway"])
    headers = {
        "Authorization": f"Bearer {devnet.token()}",
        "Content-Type": "application/octet-stream",
    }
    figures.timed("POST", pids, size, lambda: connection.post("/blob", source, headers))


def measure_nginx(options, figures):
    size = options.mib * MIB
    random_file(os.path.join(options.nginx_root, "blob"), size)
    connection = Connection(options.nginx)
    connection.get("/blob")
    pids = [int(pid) for pid in options.nginx_pids.split(",")]
    figures.timed("nginx GET", pids, size, lambda: connection.get("/blob")[1])


def measure_loss(options, figures):
    """The first read right after m nodes lost their power, and the reads that follow."""
    devnet = Devnet(options.devnet)
    source = os.path.join(options.scratch, "source")
    size = options.mib * MIB
    random_file(source, size)
    connection = Connection(put(options, source)["url"])
    path = connection.base.path
    probe(connection, path, [0])  # connections are up, as they are on a gateway that works
    victims = [node["pid"] for node in devnet.state()["nodes"]][: int(options.coding.split("+")[1])]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    offsets = range(size // 4, size - MIB, PROBE_STEP)
    first, *later = probe(connection, path, list(offsets)[:PROBES])
    figures.add("first byte, m nodes just killed", "ms", first)
    for milliseconds in later:
        figures.add("first byte, m nodes gone", "ms", milliseconds)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count(), "load": os.getloadavg()[0], "kernel": os.uname().release}


def arguments():
    parser = argparse.ArgumentParser(description="Measures a gateway of a running devnet.")
    parser.add_argument("--devnet", required=True)
    parser.add_argument("--headwater", required=True)
    parser.add_argument("--coding", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--nginx")
    parser.add_argument("--nginx-root")
    parser.add_argument("--nginx-pids")
    parser.add_argument("--out")
    return parser.parse_args()


def main():
    options = arguments()
    os.environ["HEADWATER_NETWORK"] = os.path.join(options.devnet, "network.json")
    figures = Figures()
    report = {"machine": machine(), "mib": options.mib, "coding": options.coding, "repeats": options.repeats}
    devnet = Devnet(options.devnet)
    gateways = [gateway["pid"] for gateway in devnet.state()["gateways"]]
    idle = memory_mib(devnet.pids(), "VmRSS")
    figures.add("memory of a node, idle", "MiB", max(v for pid, v in idle.items() if pid not in gateways))
    for repeat in range(options.repeats):
        figures.add("bare TCP", "MB/s", options.mib * MIB / 1e6 / bare_tcp(options.mib * MIB))
        if options.nginx:
            measure_nginx(options, figures)
        measure_gateway(options, figures, repeat)
    peak = memory_mib(devnet.pids(), "VmHWM")
    figures.add("memory of a node, at most", "MiB", max(v for pid, v in peak.items() if pid not in gateways))
    figures.add("memory of a gateway, at most", "MiB", max(peak[pid] for pid in gateways))
    measure_loss(options, figures)

    report["figures"] = figures.medians()
    width = max(map(len, report["figures"]))
    for name, value in report["figures"].items():
        print(f"{name:<{width}}  {value:10.2f}")
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()

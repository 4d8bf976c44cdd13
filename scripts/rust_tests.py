#!/usr/bin/env python3
"""All Rust tests, with those that wait beside those that compute.

`cargo test` runs one test binary after the other. A few of ours start networks of processes and spend minutes waiting for
them, while the others need the processor; here both go on at the same time. Otherwise all is as cargo does it: each binary in
the folder of its package, all of them even when one fails, the documentation's examples too. The output of each comes whole
when it ends.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from lanes import Job, run

CARGO = ["cargo", "test", "--workspace", "--locked"]

# What waits, as package and target, in lanes that go on beside each other; and with which arguments.
WAITING = [
    {("cli", "processes"): ["--test-threads=4", "--show-output"]},
    {("e2e", "e2e"): ["--test-threads=4"], ("cli", "devnet"): ["--test-threads=4"]},
]
# How much what computes stands back behind what waits: nodes that get no processor time look like nodes that are gone.
NICE = 10


def build() -> dict[tuple[str, str], list[Job]]:
    """Builds all tests; gives those of each package and target, without arguments."""
    command = [*CARGO, "--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if built.returncode:
        sys.exit(built.returncode)
    jobs: dict[tuple[str, str], list[Job]] = {}
    for message in map(json.loads, built.stdout.splitlines()):
        if message["reason"] == "compiler-artifact" and message["profile"]["test"] and message["executable"]:
            folder = Path(message["manifest_path"]).parent
            package = message["package_id"].rpartition("/")[2].partition("#")
            package = package[2].partition("@")[0] if "@" in package[2] else package[0]
            source = Path(message["target"]["src_path"]).relative_to(folder)
            environment = {"CARGO_MANIFEST_DIR": str(folder)}
            job = Job(f"{package} {source}", [message["executable"]], folder, NICE, environment)
            jobs.setdefault((package, message["target"]["name"]), []).append(job)
    return jobs


def lanes(jobs: dict[tuple[str, str], list[Job]]) -> list[list[Job]]:
    """What runs beside each other; in each lane one after the other."""
    waiting = []
    for lane in WAITING:
        waiting.append([])
        for target, arguments in lane.items():
            if target not in jobs:
                sys.exit(f"there is no test {target[1]} in {target[0]}")
            for job in jobs.pop(target):
                waiting[-1].append(job._replace(command=[*job.command, *arguments], nice=0))
    computing = [job for target in sorted(jobs) for job in jobs[target]]
    for package in with_examples():
        command = ["cargo", "test", "--locked", "--doc", "--package", package]
        computing.append(Job(f"the examples in the documentation of {package}", command, Path.cwd(), NICE))
    return [*waiting, computing]


def with_examples() -> list[str]:
    """The packages whose documentation has examples. The others are left out, since for `--doc` cargo chooses other features of
    most dependencies, and would build them all once more.
    """
    sources = subprocess.run(["git", "ls-files", "*.rs"], stdout=subprocess.PIPE, check=True, text=True).stdout.split()
    folders = {source.partition("/src/")[0] for source in sources if has_example(Path(source).read_text())}
    return sorted(tomllib.loads(Path(folder, "Cargo.toml").read_text())["package"]["name"] for folder in folders)


def has_example(source: str) -> bool:
    """Whether there is a code block in the documentation that is Rust, and runs."""
    fences = re.findall(r"^\s*//[/!]\s*```(.*)$", source, re.MULTILINE)
    return any(not {"text", "ignore"} & set(re.split(r"\W+", fence)) for fence in fences[::2])


if __name__ == "__main__":
    run(lanes(build()))

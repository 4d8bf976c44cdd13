#!/usr/bin/env python3
"""Publishes films and sounds on a running devnet, and has ffmpeg compare what its gateway plays with the sources.

    check_media.py --devnet DIR --headwater PROGRAM --coding 4+2 --scratch DIR

Standard library and ffmpeg. Prints a line for each film; the exit code says whether all of them held.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import media_clips
from media_frames import duration, languages, run, seen

# Sound and picture may move against each other by a rounding of their time bases, never by a frame.
APART_S = 0.002
# What an encoder may add to or take from the end of a sound: one AAC frame.
AAC_FRAME_S = 1024 / 44100
LANGUAGES = {"eng": "en", "deu": "de", "und": None, None: None}


Answer = collections.namedtuple("Answer", "status headers body")


class Devnet:
    def __init__(self, folder, headwater, coding):
        self.folder, self.headwater, self.coding = pathlib.Path(folder), headwater, coding
        self.state = json.loads((self.folder / "devnet.json").read_text())
        self.gateway = self.state["gateway"]

    def program(self, *arguments):
        done = subprocess.run([self.headwater, "--json", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"headwater {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def publish(self, clip):
        how = ["--title", clip.name, "--coding", self.coding, "--segment-seconds", "2", *clip.extra]
        return json.loads(self.program("publish", clip.path, *how))

    def ask(self, path):
        with urllib.request.urlopen(self.gateway + path, timeout=60) as answer:
            return answer.read()

    def status(self, path):
        return self.answer(path).status

    def answer(self, path, fields=None, method="GET"):
        """Status, headers and body, whatever the status."""
        question = urllib.request.Request(self.gateway + path, headers=fields or {}, method=method)
        try:
            with urllib.request.urlopen(question, timeout=60) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refusal:
            return Answer(refusal.code, refusal.headers, refusal.read())

    def shards(self):
        """The shard files of all nodes."""
        return {file for file in self.folder.glob("nodes/*/shards/**/*") if file.is_file()}

    def switch(self, count, what):
        """Does `what` (kill, start) to the first nodes, by the devnet's control address."""
        control = self.state["control"]
        for node in self.state["nodes"][:count]:
            url = f"{control['url']}/nodes/{node['id']}/{what}"
            question = urllib.request.Request(url, method="POST", headers={"Authorization": f"Bearer {control['token']}"})
            urllib.request.urlopen(question, timeout=60).close()


class Published:
    """A publication, as the gateway tells of it."""

    def __init__(self, net, answer):
        self.net, self.id = net, answer["id"]
        self.tracks = json.loads(net.ask(f"/api/publications/{self.id}"))["tracks"]

    def path(self, file):
        return f"/watch/{self.id}/{file}"

    def url(self, file):
        return self.net.gateway + self.path(file)

    def of_kind(self, kind):
        return [track for track in self.tracks if track["kind"] == kind]


def equal(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what} is {found!r} instead of {expected!r}")


def same_frames(what, found, source):
    if found.hashes != source.hashes:
        pairs = zip(found.hashes, source.hashes)
        first = next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(found.hashes), len(source.hashes)))
        raise AssertionError(f"{what} differs from the source from frame {first} on ({len(found.hashes)} and {len(source.hashes)} frames)")


def check_whole(published, clip, source):
    """The multivariant playlist: every frame, and picture and sound as far apart as they were."""
    pictures, sounds = seen(published.url("master.m3u8"))
    if not source[0]:
        # Without a picture, a sound is listed as the variant and once more in its group.
        sounds = sounds[: len(source[1])]
    equal("number of streams", (len(pictures), len(sounds)), tuple(map(len, source)))
    for found, expected in zip(pictures + sounds, source[0] + source[1]):
        same_frames(f"master.m3u8 of {clip.name}", found, expected)
    for picture, original_picture in zip(pictures, source[0]):
        for sound, original in zip(sounds, source[1]):
            moved = (sound.last - picture.last) - (original.last - original_picture.last)
            if abs(moved) > APART_S:
                raise AssertionError(f"the sound of {clip.name} comes {moved:.4f} s later than in the source")


def check_tracks(published, clip, source):
    """Each track by itself, as byte ranges and as one file."""
    tracks = zip(published.of_kind("video") + published.of_kind("audio"), source[0] + source[1])
    for track, expected in tracks:
        for file in (f"{track['id']}.ranges.m3u8", f"{track['id']}.mp4"):
            pictures, sounds = seen(published.url(file))
            equal(f"number of streams of {file}", len(pictures + sounds), 1)
            same_frames(f"{file} of {clip.name}", (pictures + sounds)[0], expected)


def check_copied(published, clip):
    """Of a film that is packaged as it is, not one frame may change."""
    source = seen(clip.path)
    check_whole(published, clip, source)
    check_tracks(published, clip, source)
    told = [track["language"] for track in published.of_kind("audio")]
    equal(f"languages of {clip.name}", told, [LANGUAGES[language] for language in languages(clip.path)])
    frames = sum(len(stream.hashes) for stream in source[0])
    packets = sum(len(stream.hashes) for stream in source[1])
    return f"{frames} frames and {packets} packets of sound are the source's"


def check_encoded(published, clip):
    """Of a master that was encoded anew: it lasts as long, and plays in every form."""
    equal(f"tracks of {clip.name}", [track["kind"] for track in published.tracks], ["audio"])
    track = published.tracks[0]["id"]
    for file in ("master.m3u8", f"{track}.m3u8", f"{track}.ranges.m3u8", f"{track}.mp4"):
        seen(published.url(file))
    playlist = published.net.ask(published.path(f"{track}.m3u8")).decode()
    lasts = sum(map(float, re.findall(r"#EXTINF:([\d.]+)", playlist)))
    if abs(lasts - duration(clip.path)) > AAC_FRAME_S:
        raise AssertionError(f"{clip.name} lasts {lasts} s instead of {duration(clip.path)} s")
    return f"{lasts:.3f} s of sound, encoded, play"


def check_words(published, clip):
    """The cues of subtitles come back as they were given."""
    given = clip.extra[clip.extra.index("--subtitles") + 1].split(":")[0]
    track = published.of_kind("subtitles")[0]["id"]
    words = lambda url: run("ffmpeg", "-i", url, "-f", "srt", "-")
    equal(f"words of {clip.name}", words(published.url(f"{track}/0.vtt")), words(given))


def check_again(net, clip, answer):
    """The same file once more stores nothing."""
    before = net.shards()
    again = net.publish(clip)
    equal(f"known of {clip.name}, published again", (again["known"], again["id"]), (True, answer["id"]))
    equal("new shard files", net.shards() - before, set())


def check(net, clip):
    answer = net.publish(clip)
    equal(f"known and refused of {clip.name}", (answer["known"], answer["refused"]), (False, []))
    published = Published(net, answer)
    words = (check_encoded if clip.encoded else check_copied)(published, clip)
    if "--subtitles" in clip.extra:
        check_words(published, clip)
    check_again(net, clip, answer)
    print(f"{clip.name}: {words}", flush=True)
    return published


def check_texts(net, published):
    """What follows from a bundle has one tag for GET and HEAD, which a condition finds again, and parts."""
    track = published.tracks[0]["id"]
    for file in ("bundle", "master.m3u8", f"{track}.m3u8", f"{track}.ranges.m3u8"):
        whole = net.answer(published.path(file))
        for round in ("first", "second"):
            head = net.answer(published.path(file), method="HEAD")
            for field in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
                equal(f"{field} of the {round} HEAD of {file}", head.headers[field], whole.headers[field])
        tag = whole.headers["ETag"]
        equal(f"status of {file} with its tag", net.answer(published.path(file), {"If-None-Match": tag}).status, 304)
        part = net.answer(published.path(file), {"Range": "bytes=-7", "If-Range": tag})
        equal(f"the end of {file}", (part.status, part.body), (206, whole.body[-7:]))
    print("bundle and playlists have one tag each, for GET, HEAD and parts")


def check_withdrawn(net, published, clip):
    net.program("publications", "withdraw", published.id)
    for file in ("master.m3u8", "bundle", f"{published.tracks[0]['id']}/0.m4s"):
        equal(f"status of {file} after withdrawing", net.status(published.path(file)), 410)
    # A record counts when it is later than the withdrawal, and both are dated to the second.
    time.sleep(1.1)
    equal("id of what is published again", net.publish(clip)["id"], published.id)
    equal("status after publishing again", net.status(published.path("master.m3u8")), 200)
    print("withdrawn: the gateway answers 410, until it is published again")


def run_live(net, path, seconds):
    """Publishes what ffmpeg makes while it makes it. Yields the two answers: where it can be watched, and what it has become."""
    how = ["publish", "--live", "--title", "Now", "--coding", net.coding, "--segment-seconds", "1", "--longest-segment", "2"]
    with open(path, "wb") as copy:
        maker = subprocess.Popen(media_clips.live_source(seconds), stdout=subprocess.PIPE)
        publisher = subprocess.Popen([net.headwater, "--json", *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        feeding = threading.Thread(target=feed, args=(maker.stdout, copy, publisher.stdin))
        feeding.start()
        complaints = []
        listening = threading.Thread(target=lambda: complaints.append(publisher.stderr.read().decode()))
        listening.start()
        for _ in range(2):
            line = publisher.stdout.readline()
            if not line:
                break
            yield json.loads(line)
        feeding.join()
        listening.join()
        if maker.wait() or publisher.wait():
            raise AssertionError(f"headwater publish --live: {''.join(complaints)}")


def feed(source, copy, publisher):
    with publisher:
        while piece := source.read1(65536):
            copy.write(piece)
            publisher.write(piece)
            publisher.flush()


def check_live(net, folder, seconds=12):
    """ffmpeg plays a film while it is made, from its beginning and without a complaint, and so it plays what became of it."""
    path = os.path.join(folder, "live.mp4")
    answers = run_live(net, path, seconds)
    begun = next(answers)
    playlists = json.loads(net.ask(f"/api/live/{begun['id']}"))["tracks"]
    early = net.ask(f"/live/{begun['id']}/{playlists[0]['id']}.m3u8").decode()
    if "#EXT-X-ENDLIST" in early or "#EXT-X-PLAYLIST-TYPE:EVENT" not in early:
        raise AssertionError(f"the playlist is no growing one: {early}")
    # It begins at the first segment and goes on until the end of the stream, which is still to come.
    watched = seen(begun["live"] + "/master.m3u8", "-live_start_index", "0")
    ended = next(answers)
    late = net.ask(f"/live/{begun['id']}/{playlists[0]['id']}.m3u8").decode()
    if not late.startswith(early) or late.count("#EXTINF") <= early.count("#EXTINF") or not late.endswith("#EXT-X-ENDLIST\n"):
        raise AssertionError(f"the playlist did not grow to its end: {early}{late}")
    for _ in answers:
        raise AssertionError("there is a third answer")
    source = seen(path)
    for shown, what in ((watched, "while it was made"), (seen(ended["watch"][0] + "/master.m3u8"), "afterwards")):
        for found, expected in zip(shown[0] + shown[1], source[0] + source[1], strict=True):
            same_frames(f"the live film, {what},", found, expected)
    equal("publication of the stream", json.loads(net.ask(f"/api/live/{begun['id']}"))["publication"], ended["id"])
    print(f"live: {len(source[0][0].hashes)} frames are the source's, watched while it was made and afterwards")


def check_nodes_dead(net, clip):
    """A film that the gateway has not read before, with as many nodes killed as the coding allows."""
    dead = int(net.coding.split("+")[1])
    published = Published(net, net.publish(clip))
    net.switch(dead, "kill")
    try:
        words = check_copied(published, clip)
    finally:
        net.switch(dead, "start")
    print(f"{clip.name}, {dead} nodes killed: {words}")


def arguments():
    parser = argparse.ArgumentParser(description="Compares what a devnet's gateway plays with what was published.")
    for name in ("--devnet", "--headwater", "--coding", "--scratch"):
        parser.add_argument(name, required=True)
    return parser.parse_args()


def main():
    options = arguments()
    os.makedirs(options.scratch, exist_ok=True)
    net = Devnet(options.devnet, options.headwater, options.coding)
    clips = list(media_clips.make_all(options.scratch))
    published = [check(net, clip) for clip in clips]
    check_texts(net, published[0])
    check_withdrawn(net, published[0], clips[0])
    check_live(net, options.scratch)
    check_nodes_dead(net, media_clips.ordinary(options.scratch, "nodes-dead.mp4", 550))


if __name__ == "__main__":
    try:
        main()
    except AssertionError as failure:
        sys.exit(f"FAILED: {failure}")

"""What ffmpeg decodes, as hashes: two files show the same when these are equal. Standard library only."""
import json
import subprocess

# Frames are neither dropped nor doubled, whatever their times, which keep the source's time base.
AS_THEY_ARE = ["-fps_mode", "passthrough", "-enc_time_base", "-1"]


class Seen:
    """Of one stream: the hash of each decoded frame or, of sound, of each packet; and when the last one comes, in seconds.

    Not when the first one comes: a picture that begins late may be shown from the beginning instead.
    """

    def __init__(self):
        self.hashes, self.last = [], 0.0


def seen(url, *options):
    """(pictures, sounds): what `url` shows, a `Seen` for each of its streams. Fails on any warning about times.

    `options` tell ffmpeg how to read it.
    """
    # Sound is compared before it is decoded: decoders may differ in what they make of the edges, packets may not.
    streams = ["-map", "0:v?", "-map", "0:a?", "-c:a", "copy"]
    text = run("ffmpeg", *options, "-i", url, *streams, *AS_THEY_ARE, "-f", "framemd5", "-")
    return parse(text)


def parse(text):
    times, kinds, found = {}, {}, {}
    for line in text.splitlines():
        if line.startswith("#"):
            what, _, value = line[1:].partition(": ")
            name, _, stream = what.partition(" ")
            if name == "tb":
                numerator, denominator = value.split("/")
                times[int(stream)] = int(numerator) / int(denominator)
            elif name == "media_type":
                kinds[int(stream)] = value
            continue
        # stream, dts, pts, duration, size, hash; side data may follow
        fields = [field.strip() for field in line.split(",")]
        stream = found.setdefault(int(fields[0]), Seen())
        stream.last = int(fields[2]) * times[int(fields[0])]
        stream.hashes.append(fields[5])
    of_kind = lambda kind: [found[stream] for stream in sorted(found) if kinds[stream] == kind]
    return of_kind("video"), of_kind("audio")


def languages(path):
    """The language tag of each sound of a file, or None."""
    text = run("ffprobe", "-of", "json", "-show_entries", "stream=codec_type:stream_tags=language", path)
    streams = [stream for stream in json.loads(text)["streams"] if stream["codec_type"] == "audio"]
    return [stream.get("tags", {}).get("language") for stream in streams]


def duration(path):
    text = run("ffprobe", "-of", "json", "-show_entries", "format=duration", path)
    return float(json.loads(text)["format"]["duration"])


def run(program, *arguments):
    """Standard output. Whatever ffmpeg finds amiss with the order of times is a failure."""
    options = ["-hide_banner", "-loglevel", "warning"]
    if program == "ffmpeg":
        options.append("-nostdin")
    done = subprocess.run([program, *options, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{program} cannot read {arguments}: {done.stderr}")
    if "dts" in done.stderr.lower() or "timestamp" in done.stderr.lower():
        raise AssertionError(f"{program} complains of {arguments}: {done.stderr}")
    return done.stdout

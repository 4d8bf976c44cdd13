"""Short films and sounds in the forms that creators have, made by ffmpeg. Standard library only."""
import os
import subprocess

SECONDS = 4
PICTURE = f"testsrc2=size=320x180:rate=25:duration={SECONDS}"
H264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50"]
AAC = ["-c:a", "aac", "-b:a", "96k"]
# AV1 encoders in the order of their speed; Debian's ffmpeg has all of them, others have none.
AV1 = [("libsvtav1", ["-preset", "12"]), ("libaom-av1", ["-cpu-used", "8", "-usage", "realtime"])]


class Clip:
    """A file, what `publish` is told beside its title, and whether it is encoded anew before it is packaged."""

    def __init__(self, path, extra=(), encoded=False):
        self.path, self.extra, self.encoded = path, list(extra), encoded
        self.name = os.path.basename(path)


def sine(frequency, seconds=SECONDS):
    return f"sine=frequency={frequency}:sample_rate=48000:duration={seconds}"


def ffmpeg(*arguments):
    # SVT-AV1 heeds no log level of ffmpeg's.
    quiet = {**os.environ, "SVT_LOG": "1"}
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True, env=quiet)


def lavfi(*sources):
    return [argument for source in sources for argument in ("-f", "lavfi", "-i", source)]


def make_all(folder):
    """Every clip of this file. Of AV1 there is none where ffmpeg has no encoder, and that is said."""
    made = [make(folder) for make in MAKERS]
    return [clip for clip in made if clip]


def ordinary(folder, name="b-frames.mp4", frequency=440):
    """H.264 with B-frames and AAC; ffmpeg writes the moov box at the end."""
    path = os.path.join(folder, name)
    ffmpeg(*lavfi(PICTURE, sine(frequency)), *H264, *AAC, path)
    return Clip(path)


def hevc(folder):
    path = os.path.join(folder, "hevc.mp4")
    coder = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=50", "-tag:v", "hvc1"]
    ffmpeg(*lavfi(PICTURE, sine(450)), *coder, *AAC, path)
    return Clip(path)


def av1_and_opus(folder):
    path = os.path.join(folder, "av1-opus.mp4")
    known = subprocess.run(["ffmpeg", "-v", "error", "-encoders"], stdout=subprocess.PIPE, text=True, check=True).stdout
    coder = next(([name, *options] for name, options in AV1 if f" {name} " in known), None)
    if coder is None or " libopus " not in known:
        print("left out: this ffmpeg has no encoder of AV1 and Opus")
        return None
    # One thread: the encoders start more threads than such a small picture can use.
    ffmpeg(*lavfi(PICTURE, sine(460)), "-c:v", *coder, "-g", "50", "-threads", "1", "-c:a", "libopus", path)
    return Clip(path)


def sound_only(folder):
    path = os.path.join(folder, "sound.m4a")
    ffmpeg(*lavfi(sine(470)), *AAC, path)
    return Clip(path)


def delayed_sound(folder):
    path = os.path.join(folder, "delayed-sound.mp4")
    ffmpeg(*lavfi(PICTURE), "-itsoffset", "0.7", *lavfi(sine(480, SECONDS - 1)), "-map", "0:v", "-map", "1:a", *H264, *AAC, path)
    return Clip(path)


def rotated(folder):
    path, upright = os.path.join(folder, "rotated.mp4"), os.path.join(folder, "upright.mp4")
    ffmpeg(*lavfi(PICTURE, sine(490)), *H264, *AAC, upright)
    ffmpeg("-i", upright, "-c", "copy", "-metadata:s:v:0", "rotate=90", path)
    return Clip(path)


def variable_rate(folder):
    """25 frames a second in its first half, then every third of them."""
    path = os.path.join(folder, "variable-rate.mp4")
    half = 25 * SECONDS // 2
    picked = f"select='lt(n,{half})+not(mod(n,3))'"
    ffmpeg(*lavfi(PICTURE, sine(500)), "-vf", picked, "-fps_mode", "vfr", *H264, *AAC, path)
    return Clip(path)


def fragmented(folder):
    path = os.path.join(folder, "fragmented.mp4")
    ffmpeg(*lavfi(PICTURE, sine(510)), *H264, *AAC, "-movflags", "frag_keyframe+empty_moov+default_base_moof", path)
    return Clip(path)


def live_source(seconds):
    """The command with which ffmpeg writes a film to standard output as fast as it is watched: a keyframe every second."""
    picture = f"testsrc2=size=320x180:rate=25:duration={seconds}"
    moving = ["-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"]
    fragments = ["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "500000"]
    inputs = ["-re", "-f", "lavfi", "-i", picture, "-re", *lavfi(sine(560, seconds))]
    return ["ffmpeg", "-nostdin", "-v", "error", *inputs, "-c:v", "libx264", *moving, *AAC, *fragments, "-f", "mp4", "-"]


def two_languages(folder):
    path = os.path.join(folder, "two-languages.mp4")
    languages = ["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu"]
    ffmpeg(*lavfi(PICTURE, sine(520), sine(780)), "-map", "0:v", "-map", "1:a", "-map", "2:a", *H264, *AAC, *languages, path)
    return Clip(path)


def with_subtitles(folder):
    path, words = os.path.join(folder, "subtitles.mp4"), os.path.join(folder, "words.vtt")
    ffmpeg(*lavfi(PICTURE, sine(530)), *H264, *AAC, path)
    with open(words, "w", encoding="utf-8") as file:
        file.write("WEBVTT\n\n00:00.500 --> 00:02.000\nDas erste Wort\n\n00:02.500 --> 00:03.500\nDas letzte\n")
    return Clip(path, ["--subtitles", f"{words}:de:Deutsch"])


def lossless_sound(folder):
    path = os.path.join(folder, "master.flac")
    ffmpeg(*lavfi(sine(540)), "-metadata", "title=A tone", "-metadata", "artist=ffmpeg", path)
    return Clip(path, encoded=True)


MAKERS = [
    ordinary,
    hevc,
    av1_and_opus,
    sound_only,
    delayed_sound,
    rotated,
    variable_rate,
    fragmented,
    two_languages,
    with_subtitles,
    lossless_sound,
]

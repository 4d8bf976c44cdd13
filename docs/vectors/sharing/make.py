#!/usr/bin/env python3
"""Makes the golden vectors in this folder from docs/spec.md alone, with the packages of tests/python/requirements.txt.

`cargo test -p sharing` reads them.
"""

import base64
import pathlib
import sys

import cbor2
from blake3 import blake3

FOLDER = pathlib.Path(__file__).parent
sys.path.append(str(FOLDER.parent))

from records import NET, OTHER_NET, START, Key, Raw, b3, cbor, derive, map_of, readable, record, signed_bytes, without_none, write

NULL, UNDEFINED, FLOAT = Raw(b"\xf6"), Raw(b"\xf7"), Raw(b"\xfb\x3f\xf0\x00\x00\x00\x00\x00\x00")


# --- Keys and ids --------------------------------------------------------------------------------

SECRET = b3(b"account secret")
CREATOR = Key(derive("headwater v1 creator key", SECRET))
OTHER = Key(bytes([2] * 32))
OFF_THE_CURVE = (2).to_bytes(32, "little")


def cid(data):
    return b"\x01\x71\x1e\x20" + b3(data)


def text_of(cid_):
    return "b" + base64.b32encode(cid_).decode().lower().rstrip("=")


def key_of(name):
    return b3(f"key of {name}".encode())


def object_of(name):
    return cid(f"manifest of {name}".encode())


# --- Bundles -------------------------------------------------------------------------------------


def file(name, type_, len_=1000):
    return {"hash": b3(name.encode()), "key": key_of(name), "len": len_, "object": object_of(name), "type": type_}


def part(name, segments):
    return {"key": key_of(name), "object": object_of(name), "segments": segments}


def rate(length, duration, timescale):
    return -(-8 * length * timescale // duration)


def u32s(numbers):
    return b"".join(number.to_bytes(4, "little") for number in numbers)


def track(id_, kind, lens, durations, timescale, parts, /, **changes):
    """A track as spec section 17 wants it, then changed; `None` leaves a key out."""
    own = {
        "video": {"codecs": "avc1.640028", "type": "video/mp4", "picture": {"height": 1080, "rate": 25_000, "width": 1920}},
        "audio": {"codecs": "mp4a.40.2", "type": "audio/mp4", "channels": 2},
        "subtitles": {"codecs": "wvtt", "type": "text/vtt", "init": 0, "init_hash": b3(b"")},
    }[kind]
    fields = {
        "id": id_,
        "kind": kind,
        "timescale": timescale,
        "parts": [part(f"{id_} {n}", count) for n, count in enumerate(parts)],
        "init": 700,
        "init_hash": b3(f"init of {id_}".encode()),
        "lens": u32s(lens),
        "durations": u32s(durations),
        "hashes": b"".join(b3(f"{id_} segment {n}".encode()) for n in range(len(lens))),
        "default": False,
    }
    if lens and all(durations):
        fields["average"] = rate(sum(lens), sum(durations), timescale)
        fields["peak"] = max(rate(length, duration, timescale) for length, duration in zip(lens, durations))
    else:
        fields["average"] = fields["peak"] = 0
    return without_none(fields | own | changes)


def video(**changes):
    return track("video-1080", "video", [90_001, 120_000, 33_333], [51_200, 51_200, 12_800], 12_800, [3], **{"default": True} | changes)


def audio(**changes):
    return track("audio-de", "audio", [16_000, 17_000, 15_500, 900], [96_000, 96_256, 95_744, 4096], 48_000, [1, 2, 1], **{"language": "de", "label": "Deutsch"} | changes)


def subtitles(**changes):
    return track("subs-en", "subtitles", [2048], [9000], 1000, [1], **{"language": "en-GB", "label": 'English "plain"'} | changes)


FILM = {
    "v": 1,
    "kind": "film",
    "title": "Flußfahrt",
    "creator": CREATOR.public,
    "created": START,
    "duration": 9000,
    "tracks": [video()],
    "chapters": [],
    "attachments": [],
    "items": [],
}
STRIP = {"file": file("strip", "image/jpeg"), "columns": 10, "count": 17, "every": 500, "height": 90, "rows": 2, "width": 160}
FULL = FILM | {
    "tracks": [video(), audio(), subtitles()],
    "chapters": [{"at": 0, "title": "Quelle"}, {"at": 1, "title": "Wehr"}, {"at": 8999, "title": "Mündung"}],
    "attachments": [{"file": file("script", "text/plain; charset=utf-8", 0), "name": "Script — final.txt"}, {"file": file("map", "application/pdf"), "name": "map.pdf"}],
    "about": "Down the river.\n\nIn one day.",
    "by": "A. Painter",
    "language": "de",
    "poster": file("poster", "image/webp"),
    "strip": STRIP,
}
COLLECTION = FILM | {
    "kind": "collection",
    "duration": 0,
    "tracks": [],
    "items": [{"bundle": cid(b"one"), "title": "One"}, {"bundle": cid(b"two"), "title": "Two"}],
}
AUDIO = FILM | {"kind": "audio", "tracks": [audio()]}


def bundle(base=FILM, **changes):
    return cbor(without_none(base | changes))


def places(track_):
    """[part, offset, length, start, duration] of every segment, by walking from the first one."""
    lens, durations = (memoryview(track_[key]).cast("I").tolist() for key in ("lens", "durations"))
    rows, time, number = [], 0, 0
    for index, part_ in enumerate(track_["parts"]):
        offset = 0 if index else track_["init"]
        for _ in range(part_["segments"]):
            rows.append([index, offset, lens[number], time, durations[number]])
            offset += lens[number]
            time += durations[number]
            number += 1
    return rows


def accepted_bundle(name, base=FILM, **changes):
    value = without_none(base | changes)
    bytes_ = cbor(value)
    assert bytes_ == cbor2.dumps(value, canonical=True), name
    tracks = {track_["id"]: {"places": places(track_), "average": track_["average"], "peak": track_["peak"]} for track_ in value["tracks"]}
    return {"name": name, "bundle": bytes_.hex(), "id": text_of(cid(bytes_)), "title": value["title"], "tracks": tracks}


def rejected_bundle(name, error, base=FILM, **changes):
    return {"name": name, "bundle": bundle(base, **changes).hex(), "error": error}


def rejected_bytes(name, bytes_, error="malformed"):
    return {"name": name, "bundle": bytes_.hex(), "error": error}


def accepted_bundles():
    yield accepted_bundle("a film of one track")
    yield accepted_bundle("a film with everything", FULL)
    yield accepted_bundle("a collection", COLLECTION)
    yield accepted_bundle("a collection of nothing", COLLECTION, items=[])
    yield accepted_bundle("audio in parts", AUDIO)
    yield accepted_bundle("a film with sound alone", tracks=[audio()])
    yield accepted_bundle("the shortest duration", duration=1, chapters=[{"at": 0, "title": "All"}])
    yield accepted_bundle("the longest duration", duration=2**64 - 1, created=2**64 - 1)
    yield accepted_bundle("the longest texts", title="t" * 200, about="a" * 3998 + "é", by="b" * 200, language="abcdefgh-" * 3 + "abcdefgh")
    yield accepted_bundle("no-break space and format characters in a title", title="a\u00a0b\u200dc")
    yield accepted_bundle("the longest ids and labels", tracks=[video(id="z" * 32, label="l" * 100, codecs="a" * 64)])
    yield accepted_bundle("32 tracks", tracks=[video(id=f"v-{n}") for n in range(32)])
    yield accepted_bundle("a film that is paid", ledger=Key(bytes([9] * 32)).public)
    yield accepted_bundle("sound that is paid, with everything", FULL | AUDIO, ledger=Key(bytes([9] * 32)).public)
    yield accepted_bundle("a film that was live, and is paid", ledger=Key(bytes([9] * 32)).public, live=cid(b"a prelude"))
    yield accepted_bundle("one picture in the strip", FULL, strip=STRIP | {"columns": 1, "count": 1, "rows": 1, "every": 2**32 - 1, "width": 65_535, "height": 65_535})
    yield accepted_bundle("a full strip", FULL, strip=STRIP | {"count": 20})
    yield accepted_bundle("the densest segment there can be", tracks=[track("v", "video", [2**27], [1], 2**32 - 1, [1])])
    yield accepted_bundle("the longest init section", tracks=[video(init=2**20)])
    yield accepted_bundle("an init section of one byte", tracks=[video(init=1)])
    yield accepted_bundle("a part for every segment", tracks=[track("live", "video", [5, 6, 7], [1, 2, 3], 1, [1, 1, 1])])
    yield accepted_bundle("64 channels", AUDIO, tracks=[audio(channels=64)])
    yield accepted_bundle("an attachment with content credentials", attachments=[{"credentials": True, "file": file("a", "video/mp4"), "name": "film.mp4"}])
    yield accepted_bundle("the longest name of an attachment", attachments=[{"file": file("a", "x" * 127), "name": "n" * 255}])


def rejected_encodings():
    good = bundle()
    entries = [(key, FILM[key]) for key in sorted(FILM, key=cbor)]
    assert map_of(*entries) == good
    yield rejected_bytes("nothing", b"")
    yield rejected_bytes("cut before the last byte", good[:-1])
    yield rejected_bytes("a byte follows", good + b"\0")
    yield rejected_bytes("a list", cbor([1, 2, 3]))
    yield rejected_bytes("deeply nested lists", b"\x81" * 4096)
    yield rejected_bytes("keys in another order", map_of(*entries[1:], entries[0]))
    yield rejected_bytes("a key twice", map_of(entries[0], *entries))
    yield rejected_bytes("map of indefinite length", b"\xbf" + good[1:] + b"\xff")
    yield rejected_bytes("map length in two bytes", b"\xb8\x0a" + good[1:])
    yield rejected_bundle("an unknown key", "malformed", extra=1)
    yield rejected_bundle("an unknown key of a track", "malformed", tracks=[video(extra=1)])
    yield rejected_bundle("an unknown key of a part", "malformed", tracks=[video(parts=[part("p", 3) | {"len": 1}])])
    yield rejected_bundle("an unknown key of a chapter", "malformed", chapters=[{"at": 0, "title": "t", "end": 1}])
    yield rejected_bundle("an unknown key of a file", "malformed", poster=file("p", "image/png") | {"name": "x"})
    for key in FILM:
        yield rejected_bundle(f"no {key}", "malformed", **{key: None})
    for key in without_none(video()):
        if key not in ("picture", "language", "label"):
            yield rejected_bundle(f"track without {key}", "malformed", tracks=[video(**{key: None})])
    for key in STRIP:
        yield rejected_bundle(f"strip without {key}", "malformed", FULL, strip=without_none(STRIP | {key: None}))
    for key in ("about", "by", "language", "ledger", "live", "poster", "strip"):
        yield rejected_bundle(f"{key} null", "malformed", **{key: NULL})
    for key in ("language", "label", "channels"):
        yield rejected_bundle(f"track with {key} null", "malformed", tracks=[video(**{key: NULL})])
    yield rejected_bundle("duration as a float", "malformed", duration=FLOAT)
    yield rejected_bundle("duration undefined", "malformed", duration=UNDEFINED)
    yield rejected_bundle("duration in eight bytes", "malformed", duration=Raw(b"\x1b" + (9000).to_bytes(8, "big")))
    yield rejected_bundle("negative duration", "malformed", duration=-1)
    yield rejected_bundle("created with a tag", "malformed", created=Raw(b"\xc1" + cbor(START)))
    yield rejected_bundle("default as a number", "malformed", tracks=[video(default=1)])
    yield rejected_bundle("version as a text", "malformed", v="1")
    yield rejected_bundle("version 0", "version", v=0)
    yield rejected_bundle("version 2", "version", v=2)
    yield rejected_bundle("a list of 2^32 - 1 tracks announced", "malformed", tracks=Raw(b"\x9a" + bytes([255] * 4)))
    yield rejected_bundle("a list of 2^63 parts announced", "malformed", tracks=[video(parts=Raw(b"\x9b\x80" + bytes(7)))])
    yield rejected_bundle("a title of 2^32 - 1 bytes announced", "malformed", title=Raw(b"\x7a" + bytes([255] * 4)))


def rejected_texts():
    def bad(name, **changes):
        return rejected_bundle(name, "malformed", **changes)

    yield bad("empty title", title="")
    yield bad("title of 201 bytes", title="é" * 100 + "x")
    for character in ("\0", "\x1f", "\x7f", "\x80", "\x9f", "\n"):
        yield bad(f"title with {character!r}", title=f"a{character}b")
    yield bad("title that is no UTF-8", title=Raw(b"\x62\xc3\x28"))
    yield bad("title as bytes", title=b"title")
    yield bad("title in two parts", title=Raw(b"\x7f\x61a\x61b\xff"))
    yield bad("empty description", about="")
    yield bad("description of 4001 bytes", about="a" * 4001)
    yield bad("description with a tabulator", about="a\tb")
    yield bad("description with a carriage return", about="a\r\nb")
    yield bad("empty name of the creator", by="")
    yield bad("name of the creator of 201 bytes", by="b" * 201)
    yield bad("name of the creator with a line feed", by="a\nb")
    for language in ("", "-", "de-", "-de", "de--AT", "1de", "de_AT", "abcdefghi", "dé", 'de"', "abcdefgh-" * 3 + "abcdefgh-a"):
        yield bad(f"language {language!r}", language=language)
    yield bad("language of a track with a space", tracks=[video(language="de AT")])
    yield bad("empty title of a chapter", chapters=[{"at": 0, "title": ""}])
    yield bad("kind in capitals", kind="Film")
    yield bad("an unknown kind", kind="game")
    yield bad("kind as a map", kind={"film": NULL})
    for id_ in ("", "V", "a.b", "a/b", "a b", "ä", "a" * 33, "master", "attachments"):
        yield bad(f"track id {id_!r}", tracks=[video(id=id_)])
    for codecs in ("", "a" * 65, 'avc1"', "avc1,mp4a", "avc1 "):
        yield bad(f"codecs {codecs!r}", tracks=[video(codecs=codecs)])
    for label in ("", "l" * 101, "a\nb"):
        yield bad(f"label {label!r}", tracks=[video(label=label)])
    for name in ("", ".", "..", "a/b", "a\0b", "n" * 256):
        yield bad(f"attachment name {name!r}", attachments=[{"file": file("a", "text/plain"), "name": name}])
    for type_ in ("", "x" * 128, "text/plain\r\nx: y", "täxt/plain"):
        yield bad(f"media type {type_!r}", attachments=[{"file": file("a", type_), "name": "a"}])


def rejected_values():
    def bad(name, **changes):
        return rejected_bundle(name, "malformed", **changes)

    yield bad("creator off the curve", creator=OFF_THE_CURVE)
    yield bad("creator with a y above the field prime", creator=(2**255 - 16).to_bytes(32, "little"))
    yield bad("creator of 31 bytes", creator=CREATOR.public[:31])
    yield bad("ledger off the curve", ledger=OFF_THE_CURVE)
    yield bad("ledger of 33 bytes", ledger=CREATOR.public + b"\0")
    yield bad("ledger as a text", ledger=CREATOR.public.hex())
    yield bad("live of 35 bytes", ledger=CREATOR.public, live=cid(b"a prelude")[:-1])
    yield bad("live of another codec", ledger=CREATOR.public, live=b"\x01\x55" + cid(b"a prelude")[2:])
    yield bad("33 tracks", tracks=[video(id=f"v-{n}") for n in range(33)])
    yield bad("501 chapters", chapters=[{"at": n, "title": "t"} for n in range(501)])
    for what, value in (("false", False), ("1", 1), ("a text", "yes")):
        yield bad(f"credentials as {what}", attachments=[{"credentials": value, "file": file("a", "a"), "name": "a"}])
    yield bad("101 attachments", attachments=[{"file": file("a", "a"), "name": f"{n}"} for n in range(101)])
    poster = file("poster", "image/png")
    yield bad("hash of 31 bytes", poster=poster | {"hash": poster["hash"][:31]})
    yield bad("hash of 33 bytes", poster=poster | {"hash": poster["hash"] + b"\0"})
    yield bad("key of 31 bytes", poster=poster | {"key": poster["key"][:31]})
    yield bad("key as a text", poster=poster | {"key": "k" * 32})
    yield bad("object of 35 bytes", poster=poster | {"object": poster["object"][:35]})
    yield bad("object of another codec", poster=poster | {"object": b"\x01\x55" + poster["object"][2:]})
    yield bad("object as a text", poster=poster | {"object": text_of(poster["object"])})
    yield bad("length of a file above 2^64", poster=poster | {"len": Raw(b"\xc2\x49\x01" + bytes(8))})
    for key in ("columns", "rows", "width", "height", "every", "count"):
        yield bad(f"{key} 0 in the strip", strip=STRIP | {key: 0})
    for key in ("columns", "rows", "width", "height"):
        yield bad(f"{key} 65536 in the strip", strip=STRIP | {key: 65_536})
    yield bad("timescale 0", tracks=[video(timescale=0)])
    yield bad("timescale 2^32", tracks=[video(timescale=2**32)])
    yield bad("a part of no segments", tracks=[video(parts=[part("a", 3), part("b", 0)])])
    yield bad("init section of 2^32 bytes", tracks=[video(init=2**32)])
    yield bad("hash of the init section of 31 bytes", tracks=[video(init_hash=bytes(31))])
    yield bad("an unknown kind of track", tracks=[video(kind="smell")])
    yield bad("an unknown type of track", tracks=[video(type="video/webm")])
    for key in ("height", "rate", "width"):
        yield bad(f"picture of {key} 0", tracks=[video(picture={"height": 1, "rate": 1, "width": 1} | {key: 0})])
    yield bad("picture without rate", tracks=[video(picture={"height": 1, "width": 1})])
    yield bad("no channels", tracks=[audio(channels=0)])
    yield bad("65 channels", tracks=[audio(channels=65)])
    yield bad("item of 35 bytes", kind="collection", duration=0, tracks=[], items=[{"bundle": cid(b"one")[:35], "title": "t"}])


def rejected_bundles():
    yield rejected_bundle("a film without tracks", "tracks", tracks=[])
    yield rejected_bundle("a film of subtitles alone", "tracks", tracks=[subtitles()])
    yield rejected_bundle("a collection with a track", "tracks", COLLECTION, tracks=[video()])
    yield rejected_bundle("a film of no duration", "duration", duration=0)
    yield rejected_bundle("a collection with a duration", "duration", COLLECTION, duration=1)
    yield rejected_bundle("a collection with a ledger", "ledger", COLLECTION, ledger=CREATOR.public)
    yield rejected_bundle("live without a ledger", "live", live=cid(b"a prelude"))
    yield rejected_bundle("a film with an item", "items", items=COLLECTION["items"][:1])
    yield rejected_bundle("audio with an item", "items", AUDIO, items=COLLECTION["items"][:1])
    yield rejected_bundle("chapter at the end", "chapter", chapters=[{"at": 9000, "title": "t"}])
    yield rejected_bundle("two chapters at one time", "chapter", chapters=[{"at": 5, "title": "a"}, {"at": 5, "title": "b"}])
    yield rejected_bundle("chapters out of order", "chapter", chapters=[{"at": 5, "title": "a"}, {"at": 4, "title": "b"}])
    yield rejected_bundle("chapter of a collection", "chapter", COLLECTION, chapters=[{"at": 0, "title": "t"}])
    yield rejected_bundle("chapter after the end of time", "chapter", chapters=[{"at": 2**64 - 1, "title": "t"}])
    yield rejected_bundle("two tracks of one id", "same_track", tracks=[video(), video()])
    yield rejected_bundle("two attachments of one name", "same_attachment", attachments=FULL["attachments"][:1] * 2)
    yield rejected_bundle("poster of another type", "picture_type", poster=file("p", "image/gif"))
    yield rejected_bundle("poster that is a script", "picture_type", poster=file("p", "image/svg+xml"))
    yield rejected_bundle("strip of another type", "picture_type", strip=STRIP | {"file": file("p", "image/avif")})
    yield rejected_bundle("more thumbnails than places", "strip", strip=STRIP | {"count": 21})


def rejected_tracks():
    def bad(name, error, *tracks):
        return rejected_bundle(name, f"track_{error}", tracks=list(tracks))

    yield bad("no parts", "parts", video(parts=[]))
    yield bad("no segments", "count", track("v", "video", [], [], 1000, [1]))
    yield bad("parts hold one segment too few", "sum", video(parts=[part("a", 1), part("b", 1)]))
    yield bad("parts hold one segment too many", "sum", video(parts=[part("a", 4)]))
    yield bad("parts hold 2^32 segments more", "sum", video(parts=[part("a", 3)] + [part("b", 2**31)] * 2))
    yield bad("a segment of no bytes", "len", track("v", "video", [5, 0], [1, 1], 1, [2]))
    yield bad("a segment of more than 2^27 bytes", "len", track("v", "video", [2**27 + 1], [1], 1, [1]))
    yield bad("a segment of no duration", "duration", track("v", "video", [5, 5], [1, 0], 1, [2]))
    yield bad("one duration too few", "tables", video(durations=u32s([51_200, 51_200])))
    yield bad("one hash too few", "tables", video(hashes=bytes(64)))
    yield bad("one length too many", "tables", video(lens=u32s([1, 2, 3, 4])))
    yield bad("half a length", "tables", video(lens=video()["lens"] + b"\0\0"))
    yield bad("half a hash", "tables", video(hashes=bytes(80)))
    yield bad("init section above 1 MiB", "init_len", video(init=2**20 + 1))
    yield bad("video without an init section", "init_kind", video(init=0, init_hash=b3(b"")))
    yield bad("hash of an init section that is missing", "init_hash", video(init=0))
    yield bad("subtitles with an init section", "init_kind", video(), subtitles(init=5, init_hash=bytes(32)))
    yield bad("subtitles with the hash of an init section", "init_hash", video(), subtitles(init_hash=bytes(32)))
    yield bad("video without a picture", "kind", video(picture=None))
    yield bad("video with channels", "kind", video(channels=2))
    yield bad("audio without channels", "kind", audio(channels=None))
    yield bad("audio with a picture", "kind", audio(picture=video()["picture"]))
    yield bad("subtitles with channels", "kind", video(), subtitles(channels=2))
    yield bad("video of the type of audio", "kind", video(type="audio/mp4"))
    yield bad("subtitles of the type of video", "kind", video(), subtitles(type="video/mp4"))
    yield bad("subtitles of another codec", "codec", video(), subtitles(codecs="stpp.ttml.im1t"))
    yield bad("subtitles of two segments", "subtitles", video(), track("s", "subtitles", [1, 1], [1, 1], 1, [2]))
    yield bad("average one too low", "bit_rates", video(average=video()["average"] - 1))
    yield bad("average one too high", "bit_rates", video(average=video()["average"] + 1))
    yield bad("peak one too low", "bit_rates", video(peak=video()["peak"] - 1))
    yield bad("peak that is the average", "bit_rates", video(peak=video()["average"]))
    yield bad("peak of 2^64 - 1", "bit_rates", video(peak=2**64 - 1))
    yield bad("bit rates of another timescale", "bit_rates", video(timescale=12_801))


# --- Preludes ------------------------------------------------------------------------------------


def live_track(base, /, **changes):
    """A track of a prelude: that of a bundle without what is not known yet, and its init section itself."""
    known = ("id", "kind", "codecs", "type", "timescale", "default", "language", "label", "picture", "channels")
    return without_none({key: base[key] for key in known if key in base} | {"init": f"init of {base['id']}".encode()} | changes)


def live_video(**changes):
    return live_track(video(), **changes)


def live_audio(**changes):
    return live_track(audio(), **changes)


PRELUDE = {
    "v": 1,
    "kind": "film",
    "title": "Flußfahrt, jetzt",
    "creator": CREATOR.public,
    "created": START,
    "salt": bytes(range(16)),
    "target": 2,
    "longest": 4,
    "tracks": [live_video(), live_audio()],
}


def prelude(**changes):
    return cbor(without_none(PRELUDE | changes))


def accepted_prelude(name, **changes):
    value = without_none(PRELUDE | changes)
    bytes_ = cbor(value)
    assert bytes_ == cbor2.dumps(value, canonical=True), name
    tracks = {track_["id"]: track_["init"].hex() for track_ in value["tracks"]}
    return {"name": name, "prelude": bytes_.hex(), "id": text_of(cid(bytes_)), "seconds": [value["target"], value["longest"]], "tracks": tracks}


def preludes():
    yield accepted_prelude("picture and sound")
    yield accepted_prelude("sound alone", kind="audio", tracks=[live_audio()])
    yield accepted_prelude("everything", about="Down the river.\n\nNow.", by="A. Painter", language="de")
    yield accepted_prelude("the shortest segments", target=1, longest=1)
    yield accepted_prelude("the longest segments", target=6, longest=12)
    yield accepted_prelude("32 tracks", tracks=[live_video(id=f"v-{n}") for n in range(32)])
    yield accepted_prelude("an init section of one byte", tracks=[live_video(init=b"i")])
    yield accepted_prelude("another salt", salt=bytes(16))
    yield accepted_prelude("a stream that is paid", ledger=Key(bytes([9] * 32)).public)

    def bad(name, error, **changes):
        return {"name": name, "prelude": prelude(**changes).hex(), "error": error}

    def bad_bytes(name, bytes_):
        return {"name": name, "prelude": bytes_.hex(), "error": "malformed"}

    good = prelude()
    yield bad("ledger off the curve", "malformed", ledger=OFF_THE_CURVE)
    yield bad("ledger of 31 bytes", "malformed", ledger=CREATOR.public[:-1])
    yield bad_bytes("nothing", b"")
    yield bad_bytes("cut before the last byte", good[:-1])
    yield bad_bytes("a byte follows", good + b"\0")
    yield bad_bytes("map length in two bytes", b"\xb8\x09" + good[1:])
    yield bad_bytes("a bundle", bundle())
    for key in PRELUDE:
        yield bad(f"no {key}", "malformed", **{key: None})
    for key in ("id", "kind", "codecs", "type", "timescale", "default", "init"):
        yield bad(f"track without {key}", "malformed", tracks=[live_video(**{key: None})])
    yield bad("an unknown key", "malformed", duration=9000)
    yield bad("an unknown key of a track", "malformed", tracks=[live_video(lens=b"")])
    yield bad("about null", "malformed", about=NULL)
    yield bad("version 2", "version", v=2)
    yield bad("a collection", "kind", kind="collection")
    yield bad("salt of 15 bytes", "malformed", salt=bytes(15))
    yield bad("salt of 17 bytes", "malformed", salt=bytes(17))
    yield bad("a key off the curve", "malformed", creator=OFF_THE_CURVE)
    yield bad("title with a line feed", "malformed", title="a\nb")
    yield bad("segments of no length", "seconds", target=0)
    yield bad("segments of seven seconds", "seconds", target=7, longest=12)
    yield bad("the longest shorter than the usual", "seconds", target=4, longest=3)
    yield bad("the longest of 13 seconds", "seconds", longest=13)
    yield bad("the longest of 256 seconds", "malformed", longest=256)
    yield bad("target as a text", "malformed", target="2")
    yield bad("no tracks", "no_tracks", tracks=[])
    yield bad("33 tracks", "malformed", tracks=[live_video(id=f"v-{n}") for n in range(33)])
    yield bad("two tracks of one id", "same_track", tracks=[live_video(), live_video()])
    yield bad("subtitles", "track_init_kind", tracks=[live_video(), live_track(subtitles(), codecs="wvtt")])
    yield bad("an empty init section", "track_init_kind", tracks=[live_video(init=b"")])
    yield bad("an init section as a text", "malformed", tracks=[live_video(init="init")])
    yield bad("video of the type of audio", "track_kind", tracks=[live_video(type="audio/mp4")])
    yield bad("video without a picture", "track_kind", tracks=[live_video(picture=None)])
    yield bad("audio with a picture", "track_kind", tracks=[live_audio(picture=video()["picture"])])
    for id_ in ("master", "attachments", "a/b", "V"):
        yield bad(f"track id {id_!r}", "malformed", tracks=[live_video(id=id_)])
    yield bad("timescale of 0", "malformed", tracks=[live_video(timescale=0)])


# --- Records -------------------------------------------------------------------------------------

BODIES = {
    "publication": {"bundle": cid(bundle()), "issued": START, "key": key_of("bundle"), "listed": True, "object": object_of("bundle")},
    "withdrawal": {"bundle": cid(bundle()), "issued": START + 1},
    "denial": {"issued": START, "reason": "court order 7/2026", "target": cid(bundle())},
    "live": {"issued": START, "key": key_of("prelude"), "listed": True, "live": cid(prelude()), "object": object_of("prelude")},
    "live_segment": {"duration": 25_600, "hash": b3(b"segment"), "key": key_of("segment"), "len": 90_001, "live": cid(prelude()), "n": 0, "object": object_of("segment"), "track": "video-1080"},
    "live_end": {"issued": START + 2, "live": cid(prelude()), "publication": cid(bundle())},
}
DATED = [kind for kind in BODIES if "issued" in BODIES[kind]]
# A field of each record that is a number.
NUMBER = {kind: "issued" for kind in DATED} | {"live_segment": "duration"}


def accepted_record(name, kind, by=CREATOR, **changes):
    body = without_none(BODIES[kind] | changes)
    return {"name": f"{kind}: {name}", "type": kind, "record": record(kind, body, by).hex(), "by": by.public.hex(), "body": readable(body)}


def rejected_record(name, kind, error, bytes_):
    return {"name": f"{kind}: {name}", "type": kind, "record": bytes_.hex(), "error": error}


def rejected_body(name, kind, **changes):
    return rejected_record(name, kind, "malformed", record(kind, without_none(BODIES[kind] | changes), CREATOR))


def records():
    for kind in BODIES:
        yield accepted_record("ordinary", kind)
        yield accepted_record("by somebody else", kind, OTHER)
    for kind in DATED:
        yield accepted_record("at the end of time", kind, issued=2**64 - 1)
    yield accepted_record("without a publication", "live_end", publication=None)
    yield accepted_record("the last one", "live_segment", n=19_999)
    yield accepted_record("the longest and largest", "live_segment", duration=2**32 - 1, len=2**27)
    yield accepted_record("the shortest and smallest", "live_segment", duration=1, len=1)
    yield accepted_record("not listed", "live", listed=False)
    yield accepted_record("not listed", "publication", listed=False)
    yield accepted_record("reason of one byte", "denial", reason="x")
    yield accepted_record("reason of 200 bytes", "denial", reason="é" * 100)

    for kind, body in BODIES.items():
        good = record(kind, body, CREATOR)
        for key in body:
            if (kind, key) != ("live_end", "publication"):
                yield rejected_body(f"no {key}", kind, **{key: None})
        yield rejected_body("an unknown key", kind, note="x")
        number = NUMBER[kind]
        yield rejected_body(f"{number} as a text", kind, **{number: "now"})
        yield rejected_body(f"{number} in eight bytes", kind, **{number: Raw(b"\x1b" + body[number].to_bytes(8, "big"))})
        yield rejected_record("cut before the last byte", kind, "malformed", good[:-1])
        yield rejected_record("a byte follows", kind, "malformed", good + b"\0")
        yield rejected_record("version 2", kind, "version", record(kind, body, CREATOR, v=2))
        yield rejected_record("another network", kind, "network", record(kind, body, CREATOR, network=OTHER_NET))
        yield rejected_record("signed for another network", kind, "signature", record(kind, body, CREATOR, sig=CREATOR.sign(signed_bytes(kind, OTHER_NET, body))))
        yield rejected_record("signed by another key", kind, "signature", record(kind, body, CREATOR, sig=OTHER.sign(signed_bytes(kind, NET, body))))
        yield rejected_record("named as signed by another key", kind, "signature", record(kind, body, CREATOR, by=OTHER.public))
        yield rejected_record("changed after signing", kind, "signature", record(kind, body | {number: 5}, CREATOR, sig=CREATOR.sign(signed_bytes(kind, NET, body))))
    withdrawal = BODIES["withdrawal"]
    yield rejected_record("a withdrawal", "publication", "type", record("withdrawal", withdrawal, CREATOR))
    yield rejected_record("signed as a denial", "withdrawal", "signature", record("withdrawal", withdrawal, CREATOR, sig=CREATOR.sign(signed_bytes("denial", NET, withdrawal))))
    for kind, key in (("publication", "bundle"), ("publication", "object"), ("withdrawal", "bundle"), ("denial", "target"), ("live", "live"), ("live", "object"), ("live_segment", "live"), ("live_segment", "object"), ("live_end", "live"), ("live_end", "publication")):
        id_ = BODIES[kind][key]
        yield rejected_body(f"{key} of 35 bytes", kind, **{key: id_[:35]})
        yield rejected_body(f"{key} of another codec", kind, **{key: b"\x01\x55" + id_[2:]})
        yield rejected_body(f"{key} of another hash", kind, **{key: id_[:2] + b"\x12" + id_[3:]})
        yield rejected_body(f"{key} as a text", kind, **{key: text_of(id_)})
    yield rejected_body("key of 31 bytes", "publication", key=bytes(31))
    yield rejected_body("key of 33 bytes", "publication", key=bytes(33))
    yield rejected_body("listed as a number", "publication", listed=1)
    segment, end = BODIES["live_segment"], BODIES["live_end"]
    yield rejected_record("an end", "live_segment", "type", record("live_end", end, CREATOR))
    yield rejected_record("signed as a segment", "live_end", "signature", record("live_end", end, CREATOR, sig=CREATOR.sign(signed_bytes("live_segment", NET, end))))
    yield rejected_record("of another number than was signed", "live_segment", "signature", record("live_segment", segment | {"n": 1}, CREATOR, sig=CREATOR.sign(signed_bytes("live_segment", NET, segment))))
    yield rejected_body("number 20 000", "live_segment", n=20_000)
    yield rejected_body("a negative number", "live_segment", n=-1)
    yield rejected_body("of no bytes", "live_segment", len=0)
    yield rejected_body("of more than 2^27 bytes", "live_segment", len=2**27 + 1)
    yield rejected_body("of no duration", "live_segment", duration=0)
    yield rejected_body("of 2^32 units", "live_segment", duration=2**32)
    yield rejected_body("hash of 31 bytes", "live_segment", hash=bytes(31))
    yield rejected_body("key of 31 bytes", "live_segment", key=bytes(31))
    for track_ in ("", "master", "A", "a/b"):
        yield rejected_body(f"track {track_!r}", "live_segment", track=track_)
    yield rejected_body("publication null", "live_end", publication=NULL)
    yield rejected_body("listed as a number", "live", listed=1)
    yield rejected_body("empty reason", "denial", reason="")
    yield rejected_body("reason of 201 bytes", "denial", reason="r" * 201)
    yield rejected_body("reason with a line feed", "denial", reason="a\nb")
    yield rejected_body("reason that clears the screen", "denial", reason="\x1b[2J")


# --- Bundles with their records ------------------------------------------------------------------


def published(name, bundle_, by=CREATOR, error=None, **changes):
    body = BODIES["publication"] | {"bundle": cid(bundle_)} | changes
    vector = {"name": name, "record": record("publication", body, by).hex(), "bundle": bundle_.hex()}
    return vector | ({"error": error} if error else {})


def published_bundles():
    good = bundle()
    yield published("ordinary", good)
    yield published("everything", bundle(FULL))
    yield published("by another creator", bundle(creator=OTHER.public), OTHER)
    yield published("another bundle", good, bundle=cid(bundle(AUDIO)), error="other_bundle")
    yield published("a bit of the bundle flipped", good[:-1] + bytes([good[-1] ^ 1]), bundle=cid(good), error="other_bundle")
    yield published("the bundle's last byte missing", good[:-1], bundle=cid(good), error="other_bundle")
    yield published("signed by another than the creator", good, OTHER, error="other_creator")
    yield published("published, but no bundle", b"hello", error="bundle")
    yield published("published, but not canonical", b"\xb8\x0a" + good[1:], error="bundle")
    yield published("a bundle of nobody", bundle(creator=OFF_THE_CURVE), error="bundle")


def announced(name, prelude_, by=CREATOR, error=None, **changes):
    body = BODIES["live"] | {"live": cid(prelude_)} | changes
    vector = {"name": name, "record": record("live", body, by).hex(), "prelude": prelude_.hex()}
    return vector | ({"error": error} if error else {})


def announced_preludes():
    good = prelude()
    yield announced("ordinary", good)
    yield announced("by another creator", prelude(creator=OTHER.public), OTHER)
    yield announced("another prelude", good, live=cid(prelude(target=1)), error="other_prelude")
    yield announced("a bit of the prelude flipped", good[:-1] + bytes([good[-1] ^ 1]), live=cid(good), error="other_prelude")
    yield announced("signed by another than the creator", good, OTHER, error="other_creator")
    yield announced("announced, but no prelude", b"hello", error="prelude")
    yield announced("announced, but a bundle", bundle(), error="prelude")


# --- The index -----------------------------------------------------------------------------------

INDEX_KEY = derive("headwater v1 index key", SECRET)


def mark(plaintext, options=b""):
    return blake3(b3(plaintext) + options, key=INDEX_KEY).digest()


def unfinished(name, *tracks):
    return {"mark": mark(name), "tracks": list(tracks)}


def finished(name, **changes):
    return {"mark": mark(name), "publication": BODIES["publication"] | changes, "tracks": []}


def index(*entries, **changes):
    return cbor({"v": 1, "entries": sorted(entries, key=lambda entry: entry["mark"])} | changes)


def accepted_index(name, *entries):
    return {"name": name, "index": index(*entries).hex(), "entries": len(entries)}


def rejected_index(name, error, bytes_):
    return {"name": name, "index": bytes_.hex(), "error": error}


def indices():
    one, two = sorted((finished(b"a"), finished(b"b")), key=lambda entry: entry["mark"])
    both = sorted((video(), audio()), key=lambda track_: track_["id"])
    yield accepted_index("empty")
    yield accepted_index("a publication", one)
    yield accepted_index("a file of which nothing is finished", unfinished(b"a"))
    yield accepted_index("finished tracks", unfinished(b"a", *both))
    yield accepted_index("several", one, two, unfinished(b"c", video()))

    good = index(one)
    yield rejected_index("nothing", "malformed", b"")
    yield rejected_index("a byte follows", "malformed", good + b"\0")
    yield rejected_index("version 2", "version", index(one, v=2))
    yield rejected_index("an unknown key", "malformed", index(one, extra=1))
    yield rejected_index("an unknown key of an entry", "malformed", index(one | {"extra": 1}))
    yield rejected_index("publication null", "malformed", index(one | {"publication": NULL}))
    yield rejected_index("an entry without tracks", "malformed", index({"mark": mark(b"a")}))
    yield rejected_index("an entry without a mark", "malformed", cbor({"v": 1, "entries": [{"tracks": []}]}))
    yield rejected_index("mark of 31 bytes", "malformed", index(one | {"mark": bytes(31)}))
    yield rejected_index("entries out of order", "order", index(entries=[two, one]))
    yield rejected_index("a mark twice", "order", index(entries=[one, one]))
    yield rejected_index("tracks out of order", "track_order", index(unfinished(b"a", *both[::-1])))
    yield rejected_index("a track twice", "track_order", index(unfinished(b"a", video(), video())))
    yield rejected_index("a publication with tracks", "both", index(one | {"tracks": [video()]}))
    yield rejected_index("a track that is none", "track", index(unfinished(b"a", video(average=1))))
    yield rejected_index("33 tracks", "malformed", index(unfinished(b"a", *(video(id=f"v-{n:02}") for n in range(33)))))
    yield rejected_index("2^32 - 1 entries announced", "malformed", cbor({"v": 1, "entries": Raw(b"\x9a" + bytes([255] * 4))}))


def merged(name, one, two, both):
    return {"name": name, "one": index(*one).hex(), "two": index(*two).hex(), "merged": index(*both).hex()}


def merges():
    early, late = finished(b"a"), finished(b"a", issued=START + 1)
    video_a, audio_a = unfinished(b"a", video()), unfinished(b"a", audio())
    yield merged("nothing", [], [], [])
    yield merged("something and nothing", [early], [], [early])
    yield merged("two files", [finished(b"a")], [finished(b"b")], [finished(b"a"), finished(b"b")])
    yield merged("a publication wins over tracks", [early], [video_a], [early])
    yield merged("the later publication stays", [early], [late], [late])
    greater = finished(b"a", key=bytes([255] * 32))
    yield merged("of two at one time the greater stays", [early], [greater], [greater])
    yield merged("tracks are taken together", [video_a], [audio_a], [unfinished(b"a", audio(), video())])
    higher, lower = unfinished(b"a", video(init=900)), unfinished(b"a", video(init=800))
    yield merged("of two tracks of one name the greater stays", [higher], [lower], [higher])


def keys():
    for secret, plaintext, options in ((SECRET, b"film", b""), (SECRET, b"film", b"1080p"), (bytes(32), b"", b"x" * 100)):
        seed = derive("headwater v1 creator key", secret)
        index_key = derive("headwater v1 index key", secret)
        yield {
            "secret": secret.hex(),
            "creator_key_seed": seed.hex(),
            "creator_key": Key(seed).public.hex(),
            "index_key": index_key.hex(),
            "plaintext_hash": b3(plaintext).hex(),
            "options": options.hex(),
            "mark": blake3(b3(plaintext) + options, key=index_key).hexdigest(),
        }


write(
    FOLDER / "bundles.json",
    "Spec section 17. Places are [part, offset, length, start, duration] of every segment.",
    NET,
    vectors=[*accepted_bundles(), *rejected_encodings(), *rejected_texts(), *rejected_values(), *rejected_bundles(), *rejected_tracks()],
)
write(FOLDER / "records.json", "Spec sections 10 and 11. A decoder that expects `type` and `network` accepts `record`, or rejects it for the reason in `error`.", NET, vectors=records())
write(FOLDER / "preludes.json", "Spec section 21. Seconds are the usual and the longest duration of a segment, tracks their init sections.", NET, vectors=preludes())
write(FOLDER / "announced.json", "Spec section 21. A prelude and the record that is said to announce it.", NET, vectors=announced_preludes())
write(FOLDER / "published.json", "Spec section 17. A bundle and the record that is said to be about it.", NET, vectors=published_bundles())
write(FOLDER / "index.json", "Spec section 20. Indices, and what becomes of two.", NET, vectors=indices(), merges=merges())
write(FOLDER / "keys.json", "Spec section 7. What follows from an account secret, and the mark of a file with this BLAKE3 hash.", NET, vectors=keys())

#!/usr/bin/env python3
"""Checks a live gateway against RFC 9110: ranges, conditions and what surrounds them. Standard library only.

  http_conformance.py GATEWAY LINK FILE    opens the link at the gateway first; FILE has the bytes that it should give
  http_conformance.py URL FILE             the URL of a handle that is open already (…/b/<handle>)

Prints one line per check and a score; exits with 1 when a check fails. What an answer should be is worked out here, from the text of
the RFC, without looking at how the gateway does it.
"""
import http.client
import json
import re
import socket
import sys
import urllib.parse

PAST, FUTURE = "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def get(self, name, default=None):
        return self.headers.get(name, default)


class Gateway:
    """One connection, kept alive over all checks: an answer of the wrong length spoils the next one."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.path = parts.hostname, parts.port or 80, parts.path
        self.connection = http.client.HTTPConnection(self.host, self.port, timeout=30)

    def ask(self, method="GET", fields=(), path=None, body=None):
        c = self.connection
        c.putrequest(method, path or self.path, skip_accept_encoding=True)
        for name, value in fields:
            c.putheader(name, value)
        if body is not None:
            c.putheader("Content-Length", str(len(body)))
        c.endheaders(body)
        r = c.getresponse()
        return Answer(r.status, r.headers, r.read())

    def raw(self, request):
        """Sends bytes on a connection of their own and reads to its end."""
        with socket.create_connection((self.host, self.port), timeout=30) as s:
            s.sendall(request)
            out = b""
            while True:
                piece = s.recv(1 << 16)
                if not piece:
                    return out
                out += piece


class Checks:
    def __init__(self):
        self.passed, self.failed = 0, []

    def check(self, name, fn):
        try:
            fn()
        except Exception as error:  # a check may fail in any way; the others are worth running
            self.failed.append(name)
            print("FAIL  %s: %s" % (name, error or type(error).__name__))
        else:
            self.passed += 1
            print("ok    %s" % name)

    def score(self):
        print("%d of %d checks passed" % (self.passed, self.passed + len(self.failed)))
        return 1 if self.failed else 0


def same(got, want, what):
    if got != want:
        shown = lambda v: repr(v) if not isinstance(v, bytes) or len(v) < 80 else "%d bytes" % len(v)
        raise AssertionError("%s is %s, should be %s" % (what, shown(got), shown(want)))


# ---------- what RFC 9110 section 14 says ----------
def read_range(value, n):
    """-> None (to be ignored) or the list of (start, end) that exist, in order; empty: unsatisfiable."""
    m = re.fullmatch(r"(?i:bytes)=(.*)", value)
    if not m:
        return None
    elements = re.split(r"[ \t]*,[ \t]*", m.group(1).rstrip(" \t"))
    specs, suffix_of_nothing = [], False
    for e in elements:
        if e == "":
            continue
        if re.fullmatch(r"[0-9]+-[0-9]*", e):
            first, last = e.split("-")
            if last and int(last) < int(first):
                return None
            specs.append((int(first), min(int(last) + 1, n) if last else n))
        elif re.fullmatch(r"-[0-9]+", e):
            suffix_of_nothing |= n == 0 and int(e[1:]) > 0
            specs.append((max(0, n - int(e[1:])), n))
        else:
            return None
    if not specs or suffix_of_nothing:
        return None
    return [(a, b) for a, b in specs if a < b]


def parse_multipart(answer):
    """-> [(start, end, complete, type, bytes)], after checking every delimiter."""
    m = re.fullmatch(r'multipart/byteranges; *boundary="?([0-9A-Za-z\'()+_,./:=? -]{1,70})"?', answer.get("Content-Type"))
    assert m, "Content-Type is %r" % answer.get("Content-Type")
    delimiter = b"--" + m.group(1).encode()
    body, parts = answer.body, []
    assert body.startswith(delimiter), "the body does not begin with its delimiter"
    at = len(delimiter)
    while True:
        if body[at:at + 2] == b"--":
            assert body[at + 2:] in (b"", b"\r\n"), "something follows the last delimiter"
            return parts
        assert body[at:at + 2] == b"\r\n", "no line end after a delimiter"
        end = body.index(b"\r\n\r\n", at)
        head = dict(line.split(": ", 1) for line in body[at + 2:end].decode().split("\r\n"))
        head = {k.lower(): v for k, v in head.items()}
        r = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", head["content-range"])
        start, stop, complete = int(r.group(1)), int(r.group(2)) + 1, int(r.group(3))
        data = body[end + 4:end + 4 + stop - start]
        at = end + 4 + stop - start
        assert body[at:at + 2] == b"\r\n", "a part is not as long as its Content-Range says"
        at += 2
        assert body[at:at + len(delimiter)] == delimiter, "no delimiter after a part"
        at += len(delimiter)
        parts.append((start, stop, complete, head.get("content-type"), data))


def run(url, path):
    want = open(path, "rb").read()
    n, g, c = len(want), Gateway(url), Checks()
    first = g.ask()
    tag = first.get("ETag") or '""'
    opaque = tag.strip('"')

    def whole(a):
        same(a.status, 200, "status")
        same(a.get("Content-Range"), None, "Content-Range")
        same(a.get("Content-Length"), str(n), "Content-Length")
        same(a.body, want, "body")

    def partial(a, start, end):
        same(a.status, 206, "status")
        same(a.get("Content-Range"), "bytes %d-%d/%d" % (start, end - 1, n), "Content-Range")
        same(a.get("Content-Length"), str(end - start), "Content-Length")
        same(a.body, want[start:end], "body")
        same(a.get("ETag"), tag, "ETag")

    def refused(a, status, code):
        same(a.status, status, "status")
        same(a.get("Content-Type"), "application/problem+json", "Content-Type")
        document = json.loads(a.body)
        same((document["status"], document["code"]), (status, code), "problem")
        assert document["type"] and document["title"] and document["detail"], "problem without words"
        same(a.get("Cache-Control"), "no-store", "Cache-Control")

    def unsatisfiable(a):
        refused(a, 416, "range_not_satisfiable")
        same(a.get("Content-Range"), "bytes */%d" % n, "Content-Range")

    def several(a, ranges):
        """One answer to several ranges: any mixture of whole, one part and parts that section 14 allows."""
        if a.status == 200:
            return whole(a)
        same(a.status, 206, "status")
        same(a.get("Content-Length"), str(len(a.body)), "Content-Length")
        same(a.get("ETag"), tag, "ETag")
        if a.get("Content-Range"):
            r = re.fullmatch(r"bytes (\d+)-(\d+)/%d" % n, a.get("Content-Range"))
            parts = [(int(r.group(1)), int(r.group(2)) + 1, n, None, a.body)]
        else:
            parts = parse_multipart(a)
            assert all(t == first.get("Content-Type") for _, _, _, t, _ in parts), "a part is of another type"
        for start, end, complete, _, data in parts:
            same(complete, n, "complete length")
            same(data, want[start:end], "bytes %d-%d" % (start, end - 1))
        for start, end in ranges:
            assert any(s <= start and end <= e for s, e, *_ in parts), "bytes %d-%d are missing" % (start, end - 1)
        ordered = sorted(p[:2] for p in parts)
        assert all(a[1] <= b[0] for a, b in zip(ordered, ordered[1:])), "parts overlap"
        assert sum(e - s for s, e in ordered) <= sum(e - s for s, e in ranges) + 200 * len(ranges), "more than was asked for"

    # ----- the whole -----
    c.check("GET gives the whole", lambda: whole(first))
    c.check("again, over the same connection", lambda: whole(g.ask()))
    c.check("strong ETag, quoted", lambda: same(bool(re.fullmatch(r'"[!\x23-\x7e]+"', tag)), True, "form of %s" % tag))
    c.check("Accept-Ranges: bytes", lambda: same(first.get("Accept-Ranges"), "bytes", "Accept-Ranges"))
    c.check("immutable and private", lambda: same(
        [w in first.get("Cache-Control", "") for w in ("immutable", "private", "max-age=")], [True] * 3, "Cache-Control"))
    c.check("Referrer-Policy", lambda: same(first.get("Referrer-Policy"), "no-referrer", "Referrer-Policy"))
    c.check("nosniff", lambda: same(first.get("X-Content-Type-Options"), "nosniff", "X-Content-Type-Options"))
    c.check("Content-Type", lambda: same("/" in first.get("Content-Type", ""), True, "type"))
    c.check("Content-Disposition", lambda: same(
        first.get("Content-Disposition", "").split(";")[0] in ("inline", "attachment"), True, "disposition"))
    c.check("not compressed", lambda: same(
        g.ask(fields=[("Accept-Encoding", "gzip, br, zstd")]).get("Content-Encoding"), None, "Content-Encoding"))
    c.check("a 206 is not compressed", lambda: same(
        g.ask(fields=[("Accept-Encoding", "gzip"), ("Range", "bytes=0-")]).get("Content-Encoding"), None, "Content-Encoding"))
    c.check("any origin may read", lambda: same(first.get("Access-Control-Allow-Origin"), "*", "CORS"))
    for exposed in ("content-length", "content-range", "etag", "accept-ranges"):
        c.check("pages may read " + exposed, lambda e=exposed: same(
            e in first.get("Access-Control-Expose-Headers", "").lower(), True, "exposed"))
    c.check("Date", lambda: same(bool(first.get("Date")), True, "presence"))

    # ----- HEAD -----
    head = g.ask("HEAD")
    c.check("HEAD has no body", lambda: same((head.status, head.body), (200, b""), "answer"))
    for name in ("Content-Length", "Content-Type", "ETag", "Accept-Ranges", "Content-Disposition"):
        c.check("HEAD has the %s of GET" % name, lambda k=name: same(head.get(k), first.get(k), k))
    c.check("HEAD ignores Range", lambda: same(
        (lambda a: (a.status, a.get("Content-Length"), a.get("Content-Range")))(g.ask("HEAD", [("Range", "bytes=0-0")])),
        (200, str(n), None), "answer"))
    c.check("HEAD ignores a range that does not exist", lambda: same(
        g.ask("HEAD", [("Range", "bytes=%d-" % n)]).status, 200, "status"))
    c.check("HEAD If-None-Match", lambda: same(g.ask("HEAD", [("If-None-Match", tag)]).status, 304, "status"))
    c.check("HEAD If-Match", lambda: same(g.ask("HEAD", [("If-Match", '"x"')]).status, 412, "status"))
    c.check("GET after HEAD on one connection", lambda: whole(g.ask()))

    # ----- one range: every answer worked out from the RFC -----
    big = "9" * 30
    cell = 16368  # the usual cell: ranges across its edges
    values = ["bytes=0-0", "bytes=0-1", "bytes=1-1", "bytes=0-", "bytes=1-", "bytes=-1", "bytes=-2", "bytes=-0", "bytes=-%d" % n,
              "bytes=-%d" % (n + 1), "bytes=-" + big, "bytes=0-%d" % max(0, n - 1), "bytes=0-%d" % n, "bytes=0-" + big,
              "bytes=%d-" % n, "bytes=%d-%d" % (n, n), "bytes=%d-" % max(0, n - 1), "bytes=%d-%d" % (max(0, n - 1), n - 1 if n else 0),
              "bytes=%d-%d" % (n + 5, n + 10), "bytes=%s-" % big, "bytes=%s-%s" % (big, big), "bytes=%s9-%s" % (big, big),
              "bytes=%d-%d" % (n // 2, n // 2 + 99), "bytes=%d-%d" % (n // 2, n), "bytes=18446744073709551615-",
              "bytes=0-18446744073709551615", "bytes=0-18446744073709551616", "bytes=00-007", "BYTES=0-4", "Bytes=0-4"]
    for edge in (cell, 2 * cell, 5 * cell, 64 * cell, 1 << 20):
        if edge + 1 < n:
            values += ["bytes=%d-%d" % (edge - 1, edge), "bytes=%d-%d" % (edge, edge), "bytes=%d-%d" % (edge - 1, edge - 1),
                       "bytes=%d-%d" % (edge // 2, min(n, 3 * edge) - 1)]
    malformed = ["", "bytes", "bytes=", "bytes=-", "bytes=--1", "bytes=a-b", "bytes=0", "bytes=0-a", "bytes=1-0", "bytes=0x0-1",
                 "bytes=+0-1", "bytes=0-1-2", "bytes=0 - 1", "bytes=0-1;2-3", "items=0-1", "byte=0-1", "bytes:0-1", "bytes =0-1",
                 "bytes=,", "bytes=0-0,x", "bytes=0-0,5-4", "seconds=0-1"]
    for value in values + malformed:
        ranges = read_range(value, n)
        a = lambda v=value: g.ask(fields=[("Range", v)])
        if ranges is None:
            c.check("Range: %s is ignored" % value, lambda a=a: whole(a()))
        elif not ranges:
            c.check("Range: %s is 416" % value, lambda a=a: unsatisfiable(a()))
        else:
            c.check("Range: %s" % value, lambda a=a, r=ranges[0]: partial(a(), *r))
    c.check("two Range fields are ignored", lambda: whole(g.ask(fields=[("Range", "bytes=0-0"), ("Range", "bytes=1-1")])))

    # ----- several ranges -----
    mid, far = n // 2, max(0, n - 300)
    for value in ["bytes=0-0,-1", "bytes=0-9,%d-%d" % (mid, mid + 9), "bytes=%d-%d,0-9" % (mid, mid + 9), "bytes=0-9,5-14,10-19",
                  "bytes=0-99,100-199", "bytes=0-0,%d-,-1" % n, "bytes=%d-,0-0" % n, "bytes=%d-,%d-" % (n, n + 1), "bytes=,0-1,,4-5,",
                  "bytes=0-1 , 4-5\t,\t8-9", "bytes=0-,0-,0-", "bytes=-1,-2,-3", "bytes=%d-%d,0-0,%d-" % (mid, mid, far),
                  "bytes=0-5,9-8", "bytes=-0,-0", "bytes=-0,0-0", "bytes=0-99,5000-5099,20000-20099"]:
        ranges = read_range(value, n)
        a = lambda v=value: g.ask(fields=[("Range", v)])
        if ranges is None:
            c.check("Range: %s is ignored" % value, lambda a=a: whole(a()))
        elif not ranges:
            c.check("Range: %s is 416" % value, lambda a=a: unsatisfiable(a()))
        else:
            c.check("Range: %s" % value, lambda a=a, r=ranges: several(a(), r))
    many = "bytes=" + ",".join("%d-%d" % (i * 997, i * 997) for i in range(500))
    c.check("500 ranges cost no more than the whole", lambda: (
        lambda a: same(a.status in (200, 206, 416) and len(a.body) <= n + 1000, True, "%d with %d bytes" % (a.status, len(a.body))))(
        g.ask(fields=[("Range", many)])))
    overlapping = "bytes=" + ",".join(["0-"] * 12)
    c.check("12 times everything is everything once", lambda: same(
        len(g.ask(fields=[("Range", overlapping)]).body) <= n + 1000, True, "bound"))

    # ----- conditions: (fields, what) in the order of section 13.2.2 -----
    def not_modified(a):
        same((a.status, a.body), (304, b""), "answer")
        same(a.get("ETag"), tag, "ETag")
        same(a.get("Content-Length") in (None, str(n)), True, "Content-Length %s" % a.get("Content-Length"))
        same(bool(a.get("Cache-Control")), True, "Cache-Control")

    failed = lambda a: refused(a, 412, "precondition_failed")
    weak, other = "W/" + tag, '"another"'
    part = (0, min(n, 10))
    ranged = (lambda a: partial(a, *part)) if n else unsatisfiable
    r = ("Range", "bytes=0-9")
    beyond = ("Range", "bytes=%d-" % n)
    for fields, expect in [
        ([("If-Match", tag)], whole), ([("If-Match", "*")], whole), ([("If-Match", other)], failed), ([("If-Match", weak)], failed),
        ([("If-Match", "%s, %s" % (other, tag))], whole), ([("If-Match", other), ("If-Match", tag)], whole),
        ([("If-Match", opaque)], failed), ([("If-Match", '"' + opaque)], failed), ([("If-Match", "")], failed),
        ([("If-Match", tag), r], ranged), ([("If-Match", other), r], failed), ([("If-Match", other), beyond], failed),
        ([("If-Match", tag), ("If-Unmodified-Since", PAST)], whole),
        ([("If-None-Match", tag)], not_modified), ([("If-None-Match", weak)], not_modified), ([("If-None-Match", "*")], not_modified),
        ([("If-None-Match", other)], whole), ([("If-None-Match", "%s, %s" % (other, weak))], not_modified),
        ([("If-None-Match", other), ("If-None-Match", tag)], not_modified), ([("If-None-Match", '"a,b",%s' % tag)], not_modified),
        ([("If-None-Match", opaque)], whole), ([("If-None-Match", "")], whole),
        ([("If-None-Match", tag), r], not_modified), ([("If-None-Match", other), r], ranged),
        ([("If-None-Match", tag), beyond], not_modified), ([("If-None-Match", tag), ("If-Range", tag), r], not_modified),
        ([("If-None-Match", tag), ("If-Match", other)], failed), ([("If-None-Match", tag), ("If-Match", tag)], not_modified),
        ([("If-None-Match", other), ("If-Modified-Since", FUTURE)], whole),
        ([("If-Range", tag), r], ranged), ([("If-Range", weak), r], whole), ([("If-Range", other), r], whole),
        ([("If-Range", PAST), r], whole), ([("If-Range", FUTURE), r], whole), ([("If-Range", "nonsense"), r], whole),
        ([("If-Range", other), beyond], whole), ([("If-Range", tag), beyond], unsatisfiable), ([("If-Range", tag)], whole),
        ([("If-Range", other)], whole), ([("If-Modified-Since", "nonsense")], whole), ([("If-Unmodified-Since", "nonsense")], whole),
    ]:
        name = " and ".join("%s: %s" % f for f in fields).replace(opaque, "<tag>").replace("=%d-" % n, "=<length>-")
        c.check(name, lambda f=fields, e=expect: e(g.ask(fields=f)))

    # ----- methods, paths, connections -----
    def options(a):
        same(a.status in (200, 204), True, "status %d" % a.status)
        same({"GET", "HEAD", "OPTIONS"} <= set(re.split(", *", a.get("Allow", ""))), True, "Allow %s" % a.get("Allow"))

    def preflight(a):
        same("range" in a.get("Access-Control-Allow-Headers", "").lower(), True, "allowed headers")
        same("GET" in a.get("Access-Control-Allow-Methods", ""), True, "allowed methods")

    c.check("OPTIONS", lambda: options(g.ask("OPTIONS")))
    c.check("preflight of a page of another origin", lambda: preflight(g.ask("OPTIONS", [
        ("Origin", "https://player.example"), ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "range")])))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        def not_allowed(a):
            refused(a, 405, "method_not_allowed")
            same("GET" in a.get("Allow", ""), True, "Allow")
        c.check("%s is not allowed" % method, lambda m=method: not_allowed(g.ask(m, body=b"")))
    c.check("unknown handle", lambda: refused(g.ask(path=g.path[:-1] + ("0" if g.path[-1] != "0" else "1")), 404, "unknown_handle"))
    c.check("short handle", lambda: refused(g.ask(path=g.path[:-1]), 404, "unknown_handle"))
    c.check("no such path", lambda: refused(g.ask(path="/nothing"), 404, "no_route"))

    def healthy(a, body=True):
        same((a.status, a.get("Content-Type"), a.get("Cache-Control")), (200, "application/json", "no-store"), "answer")
        same(json.loads(a.body)["status"] if body else a.body, "ok" if body else b"", "status")

    for path in ("/health", "/health/ready"):
        c.check("GET %s" % path, lambda p=path: healthy(g.ask(path=p)))
        c.check("HEAD %s" % path, lambda p=path: healthy(g.ask("HEAD", path=p), body=False))
    for path in ("/api/nodes", "/api/audits"):
        c.check("GET %s" % path, lambda p=path: same(type(json.loads(g.ask(path=p).body)["nodes"]), list, "nodes"))
    c.check("what is looked after is for operators", lambda: refused(g.ask(path="/api/care"), 403, "operators_off"))
    c.check("a query changes nothing", lambda: whole(g.ask(path=g.path + "?t=1")))
    for field, value in (("Host", "another.example"), ("X-Forwarded-Host", "another.example")):
        c.check("%s does not matter for data" % field, lambda f=field, v=value: same(
            g.raw(("GET %s HTTP/1.1\r\n%s%s: %s\r\nRange: bytes=0-0\r\nConnection: close\r\n\r\n" % (
                g.path, "" if f == "Host" else "Host: x\r\n", f, v)).encode()).split(b" ")[1], b"206" if n else b"416", "status"))

    def http10(out):
        head, _, body = out.partition(b"\r\n\r\n")
        same((head.split(b" ")[1], body), (b"200", want), "answer")
        same(b"transfer-encoding" in head.lower(), False, "chunked")

    c.check("HTTP/1.0", lambda: http10(g.raw(b"GET %s HTTP/1.0\r\n\r\n" % g.path.encode())))

    def pipelined(out):
        same(out.count(b"HTTP/1.1 206" if n else b"HTTP/1.1 416"), 2, "answers")

    c.check("two requests at once", lambda: pipelined(g.raw(
        b"GET %(p)s HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\nGET %(p)s HTTP/1.1\r\nHost: x\r\nRange: bytes=-1\r\nConnection: close\r\n\r\n"
        % {b"p": g.path.encode()}) if n else g.raw(
        b"GET %(p)s HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0\r\n\r\nGET %(p)s HTTP/1.1\r\nHost: x\r\nRange: bytes=5-\r\nConnection: close\r\n\r\n"
        % {b"p": g.path.encode()})))
    c.check("headers of 64 KiB are refused", lambda: same(
        g.raw(b"GET %s HTTP/1.1\r\nHost: x\r\nLong: %s\r\n\r\n" % (g.path.encode(), b"x" * 65536)).split(b" ")[1], b"431", "status"))
    c.check("and after all that the whole is the whole", lambda: whole(g.ask()))
    return c.score()


def opened(gateway, link):
    """The URL of a new handle, after checking what /open says and refuses."""
    c = Checks()
    g = Gateway(gateway.rstrip("/") + "/open")
    answer = g.ask("POST", body=link.encode())
    document = json.loads(answer.body)

    def described():
        same(answer.status, 201, "status")
        same(answer.get("Cache-Control"), "no-store", "Cache-Control")
        same(set(document) >= {"handle", "url", "expires", "cid", "size", "name", "type"}, True, "fields")
        same(re.fullmatch(r"[0-9a-f]{32}", document["handle"]) is not None, True, "handle of 128 bits")
        same(document["url"].endswith("/b/" + document["handle"]), True, "url")
        same(link.split("#")[1] in answer.body.decode() + str(answer.headers), False, "key in the answer")

    def again(body):
        other = json.loads(g.ask("POST", body=body).body)
        same(other["cid"], document["cid"], "cid")
        same(other["handle"] != document["handle"], True, "a handle of its own")

    def refused(body, status, code):
        a = g.ask("POST", body=body.encode())
        same((a.status, a.get("Content-Type"), json.loads(a.body)["code"]), (status, "application/problem+json", code), "answer")

    wrong = link.split("#")[0] + "#" + "A" * 43
    c.check("POST /open describes the object", described)
    c.check("POST /open as JSON", lambda: again(json.dumps({"link": link}).encode()))
    c.check("POST /open with white space around", lambda: again(b" " + link.encode() + b"\r\n"))
    c.check("a wrong key opens nothing, although the object is open", lambda: refused(wrong, 403, "wrong_key"))
    c.check("a link that was cut off", lambda: refused(link[:-1], 400, "bad_link"))
    c.check("no link", lambda: refused("", 400, "bad_link"))
    return document["url"], c.score()


if __name__ == "__main__":
    if len(sys.argv) == 4:
        url, failed = opened(sys.argv[1], sys.argv[2].strip())
        sys.exit(run(url, sys.argv[3]) or failed)
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(run(sys.argv[1], sys.argv[2]))

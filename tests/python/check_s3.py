#!/usr/bin/env python3
"""What docs/s3.md says, asked of `headwater s3` by boto3.

    check_s3.py folder DIR                     makes a folder of 1000 files for rclone
    check_s3.py operations ENDPOINT LOG        every operation that is served, and its errors; LOG is what the server writes
    check_s3.py silent ENDPOINT                clients that send a part of a body, and no more
    check_s3.py begin-upload ENDPOINT FILE     parts of an upload, remembered in FILE
    check_s3.py end-upload ENDPOINT FILE       the rest of it, after the server was killed
    check_s3.py ended-upload ENDPOINT FILE     what became of it, after the server was killed once more
"""

import datetime
import hashlib
import json
import os
import pathlib
import random
import shutil
import socket
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1 << 20
PART = 5 * MIB
NAMES = ["plain", "with space", "ümläute", "日本語", "emoji 🐟", "plus+percent%20&amp", "quote'\"", "dots..", "-dash", "~tilde", "UPPER", "semi;colon"]


def make_folder(folder):
    random.seed(7)
    for n in range(1000):
        size = [0, 1, random.randrange(1, 600), random.randrange(600, 20_000), random.randrange(20_000, 60_000)][n % 5]
        size = {500: 3 * MIB, 501: 4 * MIB + 1, 502: 6 * MIB, 503: 23 * MIB + 5}.get(n, size)
        path = pathlib.Path(folder, *(f"level {d}" for d in range(n % 4)), f"{NAMES[n % len(NAMES)]} {n}.bin")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.randbytes(size))
        os.utime(path, (1_600_000_000 + n * 1000, 1_600_000_000 + n * 1000))


def client(endpoint, access=None, secret=None):
    config = Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}, read_timeout=120)
    keys = {"aws_access_key_id": access or os.environ["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": secret or os.environ["AWS_SECRET_ACCESS_KEY"]}
    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config, **keys)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"{code} was expected, {found} came: {error}"
        return
    raise AssertionError(f"{code} was expected, and nothing was refused")


def body(response):
    return response["Body"].read()


def plain_objects(s3):
    data = random.Random(1).randbytes(200_000)
    put = s3.put_object(Bucket="b-one", Key="dir/ü file.txt", Body=data, ContentType="text/plain; charset=utf-8", CacheControl="max-age=5",
                        ContentDisposition='attachment; filename="x"', Metadata={"Colour": "blue", "mtime": "1700000000.25"})
    tag = f'"{hashlib.md5(data).hexdigest()}"'
    assert put["ETag"] == tag, put
    assert "ChecksumCRC32" in put, put
    head = s3.head_object(Bucket="b-one", Key="dir/ü file.txt")
    assert (head["ContentLength"], head["ETag"], head["ContentType"]) == (200_000, tag, "text/plain; charset=utf-8"), head
    assert head["Metadata"] == {"colour": "blue", "mtime": "1700000000.25"} and head["CacheControl"] == "max-age=5", head
    assert abs(head["LastModified"].timestamp() - datetime.datetime.now().timestamp()) < 120, head
    got = s3.get_object(Bucket="b-one", Key="dir/ü file.txt", ChecksumMode="ENABLED")
    assert body(got) == data and "ChecksumCRC32" in got and got["ContentDisposition"] == 'attachment; filename="x"', got
    for ask, part in {"bytes=0-0": data[:1], "bytes=1000-99999": data[1000:100_000], "bytes=-7": data[-7:], "bytes=199990-": data[199_990:], "bytes=199990-900000": data[199_990:]}.items():
        got = s3.get_object(Bucket="b-one", Key="dir/ü file.txt", Range=ask)
        assert body(got) == part and got["ResponseMetadata"]["HTTPStatusCode"] == 206, ask
        assert got["ContentRange"].endswith("/200000"), got["ContentRange"]
    refused("InvalidRange", s3.get_object, Bucket="b-one", Key="dir/ü file.txt", Range="bytes=200000-")
    s3.put_object(Bucket="b-one", Key="empty", Body=b"")
    got = s3.get_object(Bucket="b-one", Key="empty")
    assert body(got) == b"" and got["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"' and got["ContentType"] == "binary/octet-stream", got
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256") if has_crt() else ("CRC32", "SHA1", "SHA256"):
        s3.put_object(Bucket="b-one", Key="sum", Body=data[:5000], ChecksumAlgorithm=algorithm)
        assert body(s3.get_object(Bucket="b-one", Key="sum", ChecksumMode="ENABLED")) == data[:5000]
    # CRC-64/NVME of «123456789», from the catalogue of such codes: ae8b14860a799888.
    s3.put_object(Bucket="b-one", Key="sum", Body=b"123456789", ChecksumCRC64NVME="rosUhgp5mIg=")
    refused("BadDigest", s3.put_object, Bucket="b-one", Key="bad", Body=b"123456780", ChecksumCRC64NVME="rosUhgp5mIg=")
    refused("BadDigest", s3.put_object, Bucket="b-one", Key="bad", Body=b"abc", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    refused("NoSuchKey", s3.get_object, Bucket="b-one", Key="bad")
    refused("404", s3.head_object, Bucket="b-one", Key="bad")
    print("put, get, ranges, head, metadata and checksums are as they should be")


def has_crt():
    try:
        import awscrt  # noqa: F401
    except ImportError:
        return False
    return True


def conditions(s3):
    tag = s3.put_object(Bucket="b-one", Key="cond", Body=b"one", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, Bucket="b-one", Key="cond", Body=b"two", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Bucket="b-one", Key="cond", Body=b"two", IfMatch='"0"')
    refused("PreconditionFailed", s3.put_object, Bucket="b-one", Key="none", Body=b"two", IfMatch=tag)
    s3.put_object(Bucket="b-one", Key="cond", Body=b"two", IfMatch=tag)
    tag = s3.head_object(Bucket="b-one", Key="cond")["ETag"]
    refused("304", s3.get_object, Bucket="b-one", Key="cond", IfNoneMatch=tag)
    refused("304", s3.head_object, Bucket="b-one", Key="cond", IfNoneMatch=tag)
    refused("PreconditionFailed", s3.get_object, Bucket="b-one", Key="cond", IfMatch='"0"')
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    refused("304", s3.get_object, Bucket="b-one", Key="cond", IfModifiedSince=later)
    refused("PreconditionFailed", s3.get_object, Bucket="b-one", Key="cond", IfUnmodifiedSince=later - datetime.timedelta(days=1))
    assert body(s3.get_object(Bucket="b-one", Key="cond", IfMatch=tag)) == b"two"
    print("conditions are kept")


def copies(s3):
    s3.copy_object(Bucket="b-two", Key="copy", CopySource={"Bucket": "b-one", "Key": "dir/ü file.txt"})
    one, two = (s3.head_object(Bucket=b, Key=k) for b, k in (("b-one", "dir/ü file.txt"), ("b-two", "copy")))
    assert one["ETag"] == two["ETag"] and one["Metadata"] == two["Metadata"], two
    s3.copy_object(Bucket="b-two", Key="copy", CopySource="b-two/copy", MetadataDirective="REPLACE", Metadata={"a": "b"}, ContentType="x/y")
    two = s3.head_object(Bucket="b-two", Key="copy")
    assert two["Metadata"] == {"a": "b"} and two["ContentType"] == "x/y" and one["ETag"] == two["ETag"], two
    refused("InvalidRequest", s3.copy_object, Bucket="b-two", Key="copy", CopySource="b-two/copy")
    refused("NoSuchKey", s3.copy_object, Bucket="b-two", Key="copy2", CopySource="b-one/nothing")
    # The object stays as long as a name points to it.
    data = body(s3.get_object(Bucket="b-one", Key="dir/ü file.txt"))
    s3.delete_object(Bucket="b-one", Key="dir/ü file.txt")
    s3.delete_object(Bucket="b-one", Key="dir/ü file.txt")
    assert body(s3.get_object(Bucket="b-two", Key="copy")) == data
    print("copies keep the object when one of its names goes")


def listings(s3):
    keys = sorted([f"l/{a}/{b}" for a in "abc" for b in range(3)] + ["l/x y", "l/ü", "l/z+z", "l/top"], key=str.encode)
    for key in keys:
        s3.put_object(Bucket="b-two", Key=key, Body=key.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="b-two", Prefix="l/", PaginationConfig={"PageSize": 3})
    pages = list(pages)
    found = [o["Key"] for page in pages for o in page.get("Contents", [])]
    assert found == keys and len(pages) == 5, found
    for version in ("list_objects_v2", "list_objects"):
        for size in (1, 2, 1000):
            shown = []
            for page in s3.get_paginator(version).paginate(Bucket="b-two", Prefix="l/", Delimiter="/", PaginationConfig={"PageSize": size}):
                shown += [o["Key"] for o in page.get("Contents", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
            assert sorted(shown) == sorted(["l/a/", "l/b/", "l/c/", "l/x y", "l/ü", "l/z+z", "l/top"]), (version, size, shown)
    after = s3.list_objects_v2(Bucket="b-two", Prefix="l/", StartAfter="l/c/1")
    assert [o["Key"] for o in after["Contents"]] == [k for k in keys if k.encode() > b"l/c/1"], after
    one = s3.list_objects_v2(Bucket="b-two", Prefix="l/top")["Contents"][0]
    assert (one["Size"], one["ETag"]) == (5, f'"{hashlib.md5(b"l/top").hexdigest()}"'), one
    refused("InvalidArgument", s3.list_objects_v2, Bucket="b-two", ContinuationToken="zzz")
    answer = s3.delete_objects(Bucket="b-two", Delete={"Objects": [{"Key": key} for key in [*keys, "l/never was"]]})
    assert len(answer["Deleted"]) == len(keys) + 1 and not answer.get("Errors"), answer
    assert s3.list_objects_v2(Bucket="b-two", Prefix="l/")["KeyCount"] == 0
    s3.put_object(Bucket="b-two", Key="folder/", Body=b"")
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="b-two", Prefix="folder")["Contents"]] == ["folder/"]
    assert s3.head_object(Bucket="b-two", Key="folder/")["ContentLength"] == 0
    s3.delete_object(Bucket="b-two", Key="folder/")
    print("listings are whole on pages of any length, and many keys go at once")


def part_copies(s3):
    data = random.Random(3).randbytes(PART + 1000)
    tag = s3.put_object(Bucket="b-one", Key="whole", Body=data)["ETag"]
    upload = s3.create_multipart_upload(Bucket="b-two", Key="pieces")["UploadId"]
    known = {"Bucket": "b-two", "Key": "pieces", "UploadId": upload}
    source = {"CopySource": {"Bucket": "b-one", "Key": "whole"}}
    for ask in ("bytes=0-5243880", "bytes=5243880-5243880", "bytes=3-"):
        refused("InvalidRange", s3.upload_part_copy, **known, **source, PartNumber=1, CopySourceRange=ask)
    refused("PreconditionFailed", s3.upload_part_copy, **known, **source, PartNumber=1, CopySourceIfNoneMatch=tag)
    refused("NoSuchKey", s3.upload_part_copy, **known, PartNumber=1, CopySource="b-one/nothing")
    refused("NoSuchUpload", s3.upload_part_copy, **(known | {"Key": "other"}), **source, PartNumber=1)
    refused("InvalidArgument", s3.upload_part_copy, **known, **source, PartNumber=10_001)
    ranges = {1: (0, PART), 2: (PART, PART + 1000), 3: (5, 6)}
    tags = {}
    for number, (first, end) in ranges.items():
        copied = s3.upload_part_copy(**known, **source, PartNumber=number, CopySourceRange=f"bytes={first}-{end - 1}", CopySourceIfMatch=tag)
        tags[number] = copied["CopyPartResult"]["ETag"]
        assert tags[number] == f'"{hashlib.md5(data[first:end]).hexdigest()}"', copied
    tags[4] = s3.upload_part_copy(**known, **source, PartNumber=4)["CopyPartResult"]["ETag"]
    assert tags[4] == tag, tags
    s3.complete_multipart_upload(**known, MultipartUpload={"Parts": [{"PartNumber": n, "ETag": t} for n, t in tags.items()]})
    assert body(s3.get_object(Bucket="b-two", Key="pieces")) == data + data[5:6] + data
    print("ranges of objects become parts of others")


def objects_of_uploads(log):
    return pathlib.Path(log).read_text().count("an upload became an object")


def completions(s3, endpoint, log):
    upload = s3.create_multipart_upload(Bucket="b-one", Key="twice")["UploadId"]
    known = {"Bucket": "b-one", "Key": "twice", "UploadId": upload}
    tags = [s3.upload_part(**known, PartNumber=n, Body=random.Random(n).randbytes(PART))["ETag"] for n in (1, 2)]
    parts = {"Parts": [{"PartNumber": n, "ETag": t} for n, t in enumerate(tags, 1)]}
    before, found, clients = objects_of_uploads(log), [], [client(endpoint) for _ in range(4)]

    def complete(s3):
        try:
            found.append(s3.complete_multipart_upload(**known, MultipartUpload=parts)["ETag"])
        except ClientError as error:
            found.append(str(error))

    threads = [threading.Thread(target=complete, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = hashlib.md5(b"".join(bytes.fromhex(tag.strip('"')) for tag in tags)).hexdigest()
    assert found == [f'"{expected}-2"'] * 4, found
    complete(s3)
    assert found[-1] == found[0], found
    assert objects_of_uploads(log) == before + 1, "the object was stored more than once"
    refused("NoSuchUpload", s3.complete_multipart_upload, **known, MultipartUpload={"Parts": parts["Parts"][:1]})
    refused("NoSuchUpload", s3.complete_multipart_upload, **(known | {"Key": "other"}), MultipartUpload=parts)
    refused("NoSuchUpload", s3.abort_multipart_upload, **known)
    refused("NoSuchUpload", s3.list_parts, **known)
    assert not s3.list_multipart_uploads(Bucket="b-one").get("Uploads")
    assert s3.head_object(Bucket="b-one", Key="twice")["ContentLength"] == 2 * PART
    print("an upload becomes one object, however often and at whatever time it is completed")


def uploads(s3):
    data = random.Random(2).randbytes(2 * PART + 12345)
    pieces = [data[:PART], data[PART : 2 * PART], data[2 * PART :]]
    upload = s3.create_multipart_upload(Bucket="b-one", Key="parts", ContentType="video/mp4", Metadata={"k": "v"})["UploadId"]
    known = {"Bucket": "b-one", "Key": "parts", "UploadId": upload}
    tags = {n: s3.upload_part(**known, PartNumber=n, Body=pieces[n - 1])["ETag"] for n in (3, 1, 2)}
    s3.upload_part(**known, PartNumber=7, Body=b"not wanted")
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket="b-one")["Uploads"]] == [upload]
    parts = [p for page in s3.get_paginator("list_parts").paginate(**known, PaginationConfig={"PageSize": 2}) for p in page["Parts"]]
    assert [(p["PartNumber"], p["Size"]) for p in parts] == [(1, PART), (2, PART), (3, 12345), (7, 10)], parts
    named = [{"PartNumber": n, "ETag": tags[n]} for n in (1, 2, 3)]
    refused("InvalidPartOrder", s3.complete_multipart_upload, **known, MultipartUpload={"Parts": named[::-1]})
    refused("InvalidPart", s3.complete_multipart_upload, **known, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]})
    done = s3.complete_multipart_upload(**known, MultipartUpload={"Parts": named})
    expected = hashlib.md5(b"".join(hashlib.md5(piece).digest() for piece in pieces)).hexdigest()
    assert done["ETag"] == f'"{expected}-3"', done
    got = s3.get_object(Bucket="b-one", Key="parts")
    assert body(got) == data and got["ContentType"] == "video/mp4" and got["Metadata"] == {"k": "v"}, got
    assert body(s3.get_object(Bucket="b-one", Key="parts", Range=f"bytes={PART - 5}-{PART + 5}")) == data[PART - 5 : PART + 6]
    refused("NoSuchUpload", s3.upload_part, **known, PartNumber=1, Body=b"late")
    upload = s3.create_multipart_upload(Bucket="b-one", Key="aborted")["UploadId"]
    s3.upload_part(Bucket="b-one", Key="aborted", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket="b-one", Key="aborted", UploadId=upload)
    assert not s3.list_multipart_uploads(Bucket="b-one").get("Uploads")
    path = pathlib.Path(tempfile.mkdtemp(), "file")
    try:
        path.write_bytes(data)
        s3.upload_file(str(path), "b-one", "managed", Config=TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
        s3.download_file("b-one", "managed", str(path), Config=TransferConfig(multipart_threshold=MIB, multipart_chunksize=MIB))
        assert path.read_bytes() == data
    finally:
        shutil.rmtree(path.parent)
    print("parts come in any order and become one object")


def fetch(url, method="GET", data=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method)) as response:
        return response.read()


def presigned(s3, endpoint):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": "b-one", "Key": "signed"}, ExpiresIn=60)
    fetch(put, "PUT", b"through a URL")
    get = s3.generate_presigned_url("get_object", Params={"Bucket": "b-one", "Key": "signed", "ResponseContentType": "text/x-own"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as response:
        assert response.read() == b"through a URL" and response.headers["Content-Type"] == "text/x-own", response.headers
    for wrong in (get.replace("/signed", "/cond"), get[:-1] + ("0" if get[-1] != "0" else "1"), f"{endpoint}/b-one/signed"):
        try:
            fetch(wrong)
        except urllib.error.HTTPError as error:
            assert error.code == 403, error
        else:
            raise AssertionError(f"nobody signed {wrong}")
    print("presigned URLs read and write, and no others do")


def raw(endpoint, text, timeout=30):
    """What comes back for a request of these bytes, until the server ends the connection."""
    address = urllib.parse.urlsplit(endpoint)
    with socket.create_connection((address.hostname, address.port), timeout) as connection:
        connection.sendall(text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def hosts(endpoint):
    port = urllib.parse.urlsplit(endpoint).port
    client(f"http://localhost:{port}").list_buckets()
    for host in ("rebound.example", f"rebound.example:{port}", f"localhost.example:{port}", "10.0.0.1"):
        answer = raw(endpoint, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 403 ") and b"localhost" in answer, answer
    answer = raw(endpoint, f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
    assert b"<Code>AccessDenied</Code>" in answer, answer
    print("requests to other names are refused")


# What nobody may find in the log.
MARK = "name-in-a-request-that-is-wrong"


def wrong_requests(s3, endpoint):
    url = s3.generate_presigned_url("complete_multipart_upload", Params={"Bucket": "b-one", "Key": MARK, "UploadId": "0" * 32})
    bodies = [urllib.request.Request(url, data=data, method="POST") for data in (f"<{MARK}".encode(), b"")]
    for request in (*bodies, f"{url}x"):
        try:
            urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            assert error.code in (400, 403), error
        else:
            raise AssertionError("this was wrong")
    refused("SignatureDoesNotMatch", client(endpoint, secret="wrong").list_objects_v2, Bucket=MARK)


def silent(endpoint):
    """Runs for as long as the server waits, and a little longer."""
    s3 = client(endpoint)
    known = {"Bucket": "check", "Key": "silent"}
    signed = {
        "POST": s3.generate_presigned_url("complete_multipart_upload", Params={**known, "UploadId": "0" * 32}),
        "PUT": s3.generate_presigned_url("put_object", Params=known),
    }
    found = {}

    def wait(method, url):
        parts = urllib.parse.urlsplit(url)
        head = f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 1000\r\n\r\n<begun"
        found[method] = raw(endpoint, head.encode(), 100)

    threads = [threading.Thread(target=wait, args=one) for one in signed.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for method in signed:
        assert b"<Code>RequestTimeout</Code>" in found.get(method, b""), found
    print("clients that stop in the middle of a body are given up")


def refusals(s3, endpoint):
    refused("SignatureDoesNotMatch", client(endpoint, secret="wrong").list_buckets)
    refused("InvalidAccessKeyId", client(endpoint, access="SOMEBODYELSE").list_buckets)
    refused("NoSuchBucket", s3.list_objects_v2, Bucket="no-such-bucket")
    refused("NoSuchBucket", s3.put_object, Bucket="no-such-bucket", Key="a", Body=b"a")
    refused("404", s3.head_bucket, Bucket="no-such-bucket")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket="b-one")
    refused("InvalidArgument", s3.put_object, Bucket="b-one", Key="a//b", Body=b"a")
    refused("KeyTooLongError", s3.put_object, Bucket="b-one", Key="/".join(["x" * 200] * 5) + "/" + "x" * 18, Body=b"a")
    refused("NotImplemented", s3.put_bucket_policy, Bucket="b-one", Policy="{}")
    refused("NotImplemented", s3.put_object, Bucket="b-one", Key="acl", Body=b"a", ACL="public-read")
    refused("NotImplemented", s3.put_object, Bucket="b-one", Key="tag", Body=b"a", Tagging="a=b")
    refused("NotImplemented", s3.get_object_tagging, Bucket="b-one", Key="cond")
    refused("MetadataTooLarge", s3.put_object, Bucket="b-one", Key="meta", Body=b"a", Metadata={"a": "x" * 5000})
    print("what is wrong, or not served, is refused by its name")


def operations(endpoint, log):
    s3 = client(endpoint)
    for bucket in ("b-one", "b-two", "b-one"):
        s3.create_bucket(Bucket=bucket)
    assert {"b-one", "b-two"} <= {b["Name"] for b in s3.list_buckets()["Buckets"]}
    s3.head_bucket(Bucket="b-one")
    s3.get_bucket_location(Bucket="b-one")
    plain_objects(s3)
    conditions(s3)
    copies(s3)
    listings(s3)
    part_copies(s3)
    uploads(s3)
    completions(s3, endpoint, log)
    presigned(s3, endpoint)
    refusals(s3, endpoint)
    hosts(endpoint)
    wrong_requests(s3, endpoint)
    for bucket in ("b-one", "b-two"):
        keys = [{"Key": o["Key"]} for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        s3.delete_bucket(Bucket=bucket)
    assert not {"b-one", "b-two"} & {b["Name"] for b in s3.list_buckets()["Buckets"]}
    print("buckets come and go")


def parts_of_interrupted():
    return [random.Random(n).randbytes(PART if n < 3 else 1000) for n in (1, 2, 3)]


def begin_upload(endpoint, file):
    s3 = client(endpoint)
    upload = s3.create_multipart_upload(Bucket="check", Key="interrupted")["UploadId"]
    tags = [s3.upload_part(Bucket="check", Key="interrupted", UploadId=upload, PartNumber=n, Body=data)["ETag"] for n, data in enumerate(parts_of_interrupted()[:2], 1)]
    pathlib.Path(file).write_text(json.dumps({"upload": upload, "tags": tags}))


def end_upload(endpoint, file):
    s3 = client(endpoint)
    kept = json.loads(pathlib.Path(file).read_text())
    known = {"Bucket": "check", "Key": "interrupted", "UploadId": kept["upload"]}
    parts = parts_of_interrupted()
    tags = [*kept["tags"], s3.upload_part(**known, PartNumber=3, Body=parts[2])["ETag"]]
    named = {"Parts": [{"PartNumber": n, "ETag": t} for n, t in enumerate(tags, 1)]}
    done = s3.complete_multipart_upload(**known, MultipartUpload=named)
    assert body(s3.get_object(Bucket="check", Key="interrupted")) == b"".join(parts)
    pathlib.Path(file).write_text(json.dumps({"known": known, "named": named, "tag": done["ETag"]}))
    wrong_requests(s3, endpoint)
    print("an upload goes on after the server was killed")


def ended_upload(endpoint, file):
    kept = json.loads(pathlib.Path(file).read_text())
    again = client(endpoint).complete_multipart_upload(**kept["known"], MultipartUpload=kept["named"])
    assert again["ETag"] == kept["tag"], again
    print("what became of an upload is known after the server was killed")


if __name__ == "__main__":
    commands = {"folder": make_folder, "operations": operations, "begin-upload": begin_upload, "end-upload": end_upload, "ended-upload": ended_upload, "silent": silent}
    commands[sys.argv[1]](*sys.argv[2:])

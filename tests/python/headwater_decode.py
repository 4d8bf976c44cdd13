#!/usr/bin/env python3
"""Decodes a Headwater object from files, by docs/spec.md alone.

    headwater_decode.py LINK STORE_DIR... > FILE
    headwater_decode.py --link LINK --out FILE [--lose N] STORE_DIR...

It shares no code with the program: hash, AEAD, HKDF and CBOR come from PyPI, the field arithmetic is its own. A store is a
folder of any depth that holds shards as files named by their roots in hex (manifests too, or as *.cbor), or a storage
node's folder (spec section 16). Nothing is believed that its hash or tag does not confirm. As long as enough columns
of every segment are there, what is missing is rebuilt; with --lose the first N of each are taken for missing.

Exit status: 0 when the whole plaintext was written, 1 when it could not be, 2 for wrong usage.
"""

import argparse
import base64
import mmap
import os
import pathlib
import re
import struct
import sys

import blake3
import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MANIFEST_LEN_MAX = 1 << 20
SHARD_LEN_MAX = 1 << 28
SEGMENT_LEN_MAX = 1 << 28
CELLS_MAX = 1 << 40
SHARDS_MAX = 32_736
TAG_LEN = 16
ROOT_LEN = 32
HEADER_LEN = 512


class Invalid(Exception):
    """Something that the specification calls invalid, or that is not there."""


def require(condition, message):
    if not condition:
        raise Invalid(message)


# --- 1 Conventions --------------------------------------------------------------------------------


def hash_of(data):
    return blake3.blake3(data).digest()


def derive_key(context, material):
    return blake3.blake3(material, derive_key_context=context).digest()


def decode_map(data, limit, required, optional=()):
    """The canonical CBOR map in `data`: keys and their types as given, and no other way to write it."""
    require(len(data) <= limit, f"{len(data)} bytes of CBOR, at most {limit} are allowed")
    try:
        value = cbor2.loads(data)
    except Exception as error:  # cbor2 passes on whatever its input provokes
        raise Invalid(f"malformed CBOR: {error}") from None
    require(type(value) is dict, "the CBOR is not a map")
    types = dict(required) | dict(optional)
    require(all(type(key) is str and key in types for key in value), "the map has an unknown key")
    require(all(key in value for key in dict(required)), "the map lacks a key")
    require(all(type(item) is types[key] for key, item in value.items()), "a value has a wrong type")
    require(all(0 <= item < 1 << 64 for item in value.values() if type(item) is int), "a number is out of range")
    require(cbor2.dumps(value, canonical=True) == data, "the CBOR is not canonical")
    return value


def is_curve_point(encoding):
    """Whether 32 bytes are the canonical encoding of a point of edwards25519 (RFC 8032, section 5.1.3)."""
    p = 2**255 - 19
    y = int.from_bytes(encoding, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= p:
        return False
    d = -121665 * pow(121666, -1, p) % p
    x_squared = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    x = pow(x_squared, (p + 3) // 8, p)
    if x * x % p != x_squared:
        x = x * pow(2, (p - 1) // 4, p) % p
    return x * x % p == x_squared and not (x == 0 and sign == 1)


# --- 2 Cells, 3 Geometry --------------------------------------------------------------------------


def padme(length):
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    kept = exponent.bit_length()  # floor(log2 E) + 1
    mask = (1 << (exponent - kept)) - 1
    return (length + mask) & ~mask


def shape_of(k, sealed_len):
    """log2 of the cell size, and the number of cells."""
    for log2 in range(10, 15):
        if sealed_len <= k * ((1 << log2) - TAG_LEN):
            break
    plain = (1 << log2) - TAG_LEN
    return log2, max(1, -(-sealed_len // plain))


class Geometry:
    def __init__(self, k, m, log2, cells):
        require(k >= 1 and m >= 1 and k + m <= 255, f"{k}+{m} is no coding")
        require(10 <= log2 <= 14, f"no cells have 2^{log2} bytes")
        require(1 <= cells <= CELLS_MAX, f"no object has {cells} cells")
        require(log2 == 14 or cells <= k, "small cells fill more than one stripe")
        self.k, self.m, self.log2, self.cells = k, m, log2, cells
        self.size = 1 << log2
        self.plain = self.size - TAG_LEN
        self.rows_per_segment = SEGMENT_LEN_MAX // (k * self.size)
        self.cells_per_segment = k * self.rows_per_segment
        self.segments = -(-cells // self.cells_per_segment)
        full = (self.segments - 1) * (k + m)
        last = min(k, self.cells_of(self.segments - 1)) + m
        self.shards = full + last
        require(self.shards <= SHARDS_MAX, f"no object has {self.shards} shards")

    def cells_of(self, segment):
        return min(self.cells_per_segment, self.cells - segment * self.cells_per_segment)

    def rows(self, segment):
        return -(-self.cells_of(segment) // self.k)

    def column_rows(self, segment, column):
        if column >= self.k:
            return self.rows(segment)
        return max(0, -(-(self.cells_of(segment) - column) // self.k))

    def stored(self, segment):
        """The stored columns with the lengths of their shards, in the order of the roots."""
        lengths = ((column, self.column_rows(segment, column) * self.size) for column in range(self.k + self.m))
        return [(column, length) for column, length in lengths if length > 0]


# --- 4 Erasure code -------------------------------------------------------------------------------

POLYNOMIAL = 0x11D


def gf_mul(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a <<= 1
        if a & 0x100:
            a ^= POLYNOMIAL
        b >>= 1
    return product


def gf_power(base, exponent):
    result = 1  # also of 0^0
    for _ in range(exponent):
        result = gf_mul(result, base)
    return result


def gf_inverse(value):
    return gf_power(value, 254)


PRODUCTS = {}


def products(factor):
    """All products with `factor`, as a table for bytes.translate."""
    if factor not in PRODUCTS:
        PRODUCTS[factor] = bytes(gf_mul(factor, value) for value in range(256))
    return PRODUCTS[factor]


def combine(factors, columns):
    """The sum of all columns, each times its factor, byte by byte."""
    total = 0
    for factor, column in zip(factors, columns):
        total ^= int.from_bytes(column.translate(products(factor)), "little")
    return total.to_bytes(len(columns[0]), "little")


def invert(matrix):
    size = len(matrix)
    rows = [bytes(row) + bytes(i == j for j in range(size)) for i, row in enumerate(matrix)]
    for pivot in range(size):
        usable = next((row for row in range(pivot, size) if rows[row][pivot]), None)
        require(usable is not None, "the matrix cannot be inverted")
        rows[pivot], rows[usable] = rows[usable], rows[pivot]
        rows[pivot] = rows[pivot].translate(products(gf_inverse(rows[pivot][pivot])))
        for row in range(size):
            if row != pivot and rows[row][pivot]:
                rows[row] = combine([1, rows[row][pivot]], [rows[row], rows[pivot]])
    return [row[size:] for row in rows]


def generator(k, m):
    """V · T⁻¹: k + m rows of k coefficients."""
    v = [bytes(gf_power(r, c) for c in range(k)) for r in range(k + m)]
    t_inverse = invert(v[:k])
    return [combine(row, t_inverse) for row in v]


class Rebuilder:
    """Data cells of a stripe from any k of its cells."""

    def __init__(self, k, m):
        self.k, self.m = k, m
        self.matrix = None
        self.inverses = {}

    def data(self, known):
        """All data cells, given k cells by column (cells that do not exist are zeros)."""
        columns = tuple(sorted(known)[: self.k])
        if columns not in self.inverses:
            self.matrix = self.matrix or generator(self.k, self.m)
            self.inverses[columns] = invert([self.matrix[column] for column in columns])
        cells = [known[column] for column in columns]
        return {
            column: known.get(column) or combine(row, cells) for column, row in enumerate(self.inverses[columns])
        }


# --- 7 Keys ---------------------------------------------------------------------------------------


class Keys:
    def __init__(self, content_key, salt, log2):
        info = b"headwater/1 object" + bytes([1, log2])
        okm = HKDF(SHA256(), 96, salt, info).derive(content_key)
        self.cell, self.header, self.commitment = okm[:32], okm[32:64], okm[64:]


# --- 8 Manifest -----------------------------------------------------------------------------------


class Manifest:
    KEYS = {
        "v": int,
        "suite": int,
        "cell": int,
        "k": int,
        "m": int,
        "cells": int,
        "salt": bytes,
        "seed": bytes,
        "roots": bytes,
        "control": bytes,
        "commit": bytes,
        "header": bytes,
    }

    def __init__(self, data):
        fields = decode_map(data, MANIFEST_LEN_MAX, self.KEYS, {"tags": list})
        require(fields["v"] == 1, f"version {fields['v']} is not known")
        require(fields["suite"] == 1, f"cipher suite {fields['suite']} is not known")
        for key in ("salt", "seed", "control", "commit"):
            require(len(fields[key]) == 32, f"{key} has {len(fields[key])} bytes instead of 32")
        require(len(fields["header"]) == HEADER_LEN, "the sealed header has not 512 bytes")
        require(is_curve_point(fields["control"]), "the control key is no curve point")
        self.geometry = Geometry(fields["k"], fields["m"], fields["cell"], fields["cells"])
        roots = fields["roots"]
        require(len(roots) == ROOT_LEN * self.geometry.shards, "the number of roots does not fit the geometry")
        self.roots = [roots[i : i + ROOT_LEN] for i in range(0, len(roots), ROOT_LEN)]
        self.salt, self.seed, self.control = fields["salt"], fields["seed"], fields["control"]
        self.commitment, self.header = fields["commit"], fields["header"]
        self.tags = check_required_tags(fields["tags"]) if "tags" in fields else []
        self.cid = cid_of(data)

    def unlock(self, content_key):
        """The object's keys and its header."""
        keys = Keys(content_key, self.salt, self.geometry.log2)
        require(keys.commitment == self.commitment, "the key does not belong to this object")
        try:
            plain = ChaCha20Poly1305(keys.header).decrypt(bytes(12), self.header, None)
        except InvalidTag:
            raise Invalid("the sealed header's tag does not match") from None
        header = decode_header(plain)
        shapes = [shape_of(self.geometry.k, length) for length in (header["len"], padme(header["len"]))]
        require((self.geometry.log2, self.geometry.cells) in shapes, "the length does not give the number of cells")
        return keys, header


def check_required_tags(tags):
    """The tags that a manifest requires of nodes, if it may."""
    require(1 <= len(tags) <= 8, f"{len(tags)} required tags, 1 to 8 are possible")
    for tag in tags:
        require(type(tag) is str and re.fullmatch("[a-z0-9-]{1,32}=[ -~]{1,64}", tag), f"{tag!r} is no tag")
    require(sum(map(len, tags)) <= 200, "the required tags are too long")
    require(all(a < b for a, b in zip(tags, tags[1:])), "the required tags are not in order")
    return tags


def decode_header(plain):
    (length,) = struct.unpack_from("<H", plain)
    require(length <= len(plain) - 2, "the header is longer than there is room")
    require(not any(plain[2 + length :]), "the header has non-zero padding")
    header = decode_map(plain[2 : 2 + length], len(plain), {"len": int}, {"name": str, "type": str})
    name, media_type = header.get("name"), header.get("type")
    if name is not None:
        require(1 <= len(name.encode()) <= 255, "the name has not 1 to 255 bytes")
        require(not re.search("[\x00-\x1f\x7f-\x9f/]", name), "the name has a control character or a slash")
        require(name not in (".", ".."), "the name is . or ..")
    if media_type is not None:
        require(re.fullmatch("[ -~]{1,127}", media_type), "the media type is not 1 to 127 printable characters")
    return header


CID_PREFIX = bytes([0x01, 0x71, 0x1E, 0x20])


def cid_of(manifest):
    return CID_PREFIX + hash_of(manifest)


def cid_text(cid):
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


# --- 9 Links --------------------------------------------------------------------------------------


def decode_link(text):
    """The CID in binary and the content key."""
    match = re.fullmatch("headwater:b([a-z2-7]{58})#([A-Za-z0-9_-]{43})", text, re.ASCII)
    require(match, "not a link: headwater:, 59 characters of CID, #, 43 characters of key")
    cid = base64.b32decode(match[1].upper() + "======")
    key = base64.urlsafe_b64decode(match[2] + "=")
    require(cid_text(cid)[1:] == match[1], "the CID has non-zero trailing bits")
    require(base64.urlsafe_b64encode(key).decode().rstrip("=") == match[2], "the key has non-zero trailing bits")
    require(cid[:4] == CID_PREFIX, "the CID is not a CIDv1 of codec dag-cbor with BLAKE3")
    return cid, key


# --- 16 On a node's disk, and plain folders -------------------------------------------------------

ENTRY = struct.Struct("<4sB3sI4s")
SHARD_HEAD = struct.Struct("<32sQ")


class Stores:
    """Where shards may be found: (path, offset, length) by root. What is read is checked by its hash."""

    def __init__(self, folders):
        self.places = {}
        for folder in folders:
            require(os.path.isdir(folder), f"{folder} is no folder")
            for path in sorted(pathlib.Path(folder).rglob("*")):
                if path.is_file():
                    self.add_file(path)

    def add_file(self, path):
        if path.suffix == ".pack":
            self.add_entries(path)
        elif re.fullmatch("[0-9a-f]{64}", path.name):
            self.add(bytes.fromhex(path.name), path, 0, path.stat().st_size)
            self.add_entries(path)
        elif path.suffix == ".cbor" and path.stat().st_size <= MANIFEST_LEN_MAX:
            self.add(hash_of(path.read_bytes()), path, 0, path.stat().st_size)

    def add(self, root, path, offset, length):
        if 1 <= length <= SHARD_LEN_MAX + (1 << 24):
            self.places.setdefault(root, []).append((path, offset, length))

    def add_entries(self, path):
        """Scans a run of entries up to the first whose check does not match."""
        offset, size = 0, path.stat().st_size
        with open(path, "rb") as file:
            while offset + ENTRY.size <= size:
                file.seek(offset)
                magic, kind, zeros, payload_len, check = ENTRY.unpack(file.read(ENTRY.size))
                if magic != b"HWe1" or zeros != bytes(3) or offset + ENTRY.size + payload_len > size:
                    return
                head = file.read(SHARD_HEAD.size if kind == 1 else payload_len)
                if hash_of(bytes([kind]) + head)[:4] != check:
                    return
                if kind == 1:
                    root, length = SHARD_HEAD.unpack(head)
                    self.add(root, path, offset + ENTRY.size + SHARD_HEAD.size, length)
                offset += ENTRY.size + payload_len

    def find(self, root, length=None):
        """The bytes with this root, or None. Without a length any is good: the hash decides."""
        for path, offset, found in self.places.get(root, []):
            if (length is None or found == length) and offset + found <= path.stat().st_size:
                with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    data = mapped[offset : offset + found]
                if hash_of(data) == root:
                    return data
        return None


# --- A whole object -------------------------------------------------------------------------------


def open_cell(keys, geometry, number, length, sealed):
    """The plaintext of a cell without its padding."""
    require(0 <= number < geometry.cells, f"there is no cell {number}")
    require(len(sealed) == geometry.size, f"cell {number} has not {geometry.size} bytes")
    nonce = number.to_bytes(11, "big") + bytes([number == geometry.cells - 1])
    try:
        plain = ChaCha20Poly1305(keys.cell).decrypt(nonce, bytes(sealed), None)
    except InvalidTag:
        raise Invalid(f"the tag of cell {number} does not match") from None
    content = min(max(length - number * geometry.plain, 0), geometry.plain)
    require(not any(plain[content:]), f"cell {number} has non-zero padding")
    return plain[:content]


def read_shards(manifest, stores, segment, lose):
    """Those shards of a segment that are there and intact, by column, but for the first `lose`."""
    geometry, first = manifest.geometry, segment * (manifest.geometry.k + manifest.geometry.m)
    shards = {}
    for number, (column, length) in list(enumerate(geometry.stored(segment), first))[lose:]:
        data = stores.find(manifest.roots[number], length)
        if data is not None:
            shards[column] = data
    needed = min(geometry.k, geometry.cells_of(segment))
    require(len(shards) >= needed, f"segment {segment} needs {needed} shards, {len(shards)} are there")
    return shards


def cells_in(manifest, stores, rebuilder, lose):
    """All sealed data cells in order."""
    geometry = manifest.geometry
    for segment in range(geometry.segments):
        shards = read_shards(manifest, stores, segment, lose)
        for row in range(geometry.rows(segment)):
            here = slice(row * geometry.size, (row + 1) * geometry.size)
            wanted = [column for column in range(geometry.k) if row < geometry.column_rows(segment, column)]
            cells = {column: shards[column][here] for column in shards if row < geometry.column_rows(segment, column)}
            if not all(column in cells for column in wanted):
                cells.update((column, bytes(geometry.size)) for column in range(len(wanted), geometry.k))
                cells = rebuilder.data(cells)
            yield from (cells[column] for column in wanted)


def decode(link, stores, write, lose=0):
    """Writes the plaintext of the object and returns its header."""
    cid, content_key = decode_link(link)
    encoded = stores.find(cid[4:])
    require(encoded is not None, f"the manifest {cid[4:].hex()} is not there")
    manifest = Manifest(encoded)
    require(manifest.cid == cid, "the manifest has another CID")
    keys, header = manifest.unlock(content_key)
    geometry = manifest.geometry
    cells = cells_in(manifest, stores, Rebuilder(geometry.k, geometry.m), lose)
    for number, sealed in enumerate(cells):
        write(open_cell(keys, geometry, number, header["len"], sealed))
    return header


def main():
    parser = argparse.ArgumentParser(description="Decode a Headwater object from files, by its specification alone.")
    parser.add_argument("--link", help="the link; otherwise the first argument is taken for it")
    parser.add_argument("--out", metavar="FILE", help="where the plaintext goes (standard output)")
    parser.add_argument("--lose", type=int, default=0, metavar="N", help="do without the first N columns of each segment")
    parser.add_argument("paths", nargs="+", metavar="STORE_DIR", help="folders with shards, or of storage nodes")
    arguments = parser.parse_intermixed_args()
    link = arguments.link or arguments.paths.pop(0)
    if not arguments.paths:
        parser.error("no STORE_DIR")
    if arguments.lose < 0:
        parser.error("--lose is at least 0")
    try:
        stores = Stores(arguments.paths)
        if arguments.out is None:
            decode(link, stores, sys.stdout.buffer.write, arguments.lose)
            sys.stdout.buffer.flush()
        else:
            decode_to_file(link, stores, arguments.out, arguments.lose)
    except (Invalid, OSError) as error:
        print(f"headwater_decode: {error}", file=sys.stderr)
        return 1
    return 0


def decode_to_file(link, stores, path, lose):
    """Under another name until all of it is there."""
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            decode(link, stores, file.write, lose)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


if __name__ == "__main__":
    sys.exit(main())

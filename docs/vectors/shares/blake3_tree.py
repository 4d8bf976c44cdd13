"""BLAKE3's tree in plain Python: the chaining values that packages do not give out, and slices (docs/spec.md section 5).

Slow, and meant for a few hundred KiB. It checks itself against the package where both say the same.
"""

import struct

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
MASK = 0xFFFFFFFF
LEAF, GROUP = 1024, 16


def mix(v, a, b, c, d, x, y):
    v[a] = (v[a] + v[b] + x) & MASK
    t = v[d] ^ v[a]
    v[d] = (t >> 16 | t << 16) & MASK
    v[c] = (v[c] + v[d]) & MASK
    t = v[b] ^ v[c]
    v[b] = (t >> 12 | t << 20) & MASK
    v[a] = (v[a] + v[b] + y) & MASK
    t = v[d] ^ v[a]
    v[d] = (t >> 8 | t << 24) & MASK
    v[c] = (v[c] + v[d]) & MASK
    t = v[b] ^ v[c]
    v[b] = (t >> 7 | t << 25) & MASK


def compress(cv, block, counter, length, flags):
    m = struct.unpack("<16I", block.ljust(64, b"\0"))
    v = [*cv, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for _ in range(7):
        mix(v, 0, 4, 8, 12, m[0], m[1])
        mix(v, 1, 5, 9, 13, m[2], m[3])
        mix(v, 2, 6, 10, 14, m[4], m[5])
        mix(v, 3, 7, 11, 15, m[6], m[7])
        mix(v, 0, 5, 10, 15, m[8], m[9])
        mix(v, 1, 6, 11, 12, m[10], m[11])
        mix(v, 2, 7, 8, 13, m[12], m[13])
        mix(v, 3, 4, 9, 14, m[14], m[15])
        m = tuple(m[i] for i in PERMUTATION)
    return tuple(v[i] ^ v[i + 8] for i in range(8))


def chunk(data, number, is_root):
    cv = IV
    blocks = [data[i : i + 64] for i in range(0, len(data), 64)] or [b""]
    for at, block in enumerate(blocks):
        flags = (CHUNK_START if at == 0 else 0) | (CHUNK_END if at == len(blocks) - 1 else 0)
        flags |= ROOT if is_root and at == len(blocks) - 1 else 0
        cv = compress(cv, block, number, len(block), flags)
    return cv


def parent(left, right, is_root):
    return compress(IV, left + right, 0, 64, PARENT | (ROOT if is_root else 0))


def to_bytes(cv):
    return struct.pack("<8I", *cv)


def split(leaves):
    """How many leaves the left child of a node has: the greatest power of two below."""
    return 1 << (leaves - 1).bit_length() - 1


def leaves_of(length):
    return max(1, -(-length // LEAF))


def node(data, first_leaf, is_root):
    """The chaining value of the node over `data`, which begins at this leaf of the shard."""
    leaves = leaves_of(len(data))
    if leaves == 1:
        return to_bytes(chunk(data, first_leaf, is_root))
    left = split(leaves)
    pair = node(data[: left * LEAF], first_leaf, False), node(data[left * LEAF :], first_leaf + left, False)
    return to_bytes(parent(*pair, is_root))


def slice_of(data, wanted, first_leaf=0):
    """The slice of the leaves in the half-open range `wanted`."""
    leaves = leaves_of(len(data))
    begin, end = max(wanted[0], first_leaf), min(wanted[1], first_leaf + leaves)
    if begin >= end:
        return b""
    if leaves <= GROUP and end - begin == leaves:
        return data
    if leaves == 1:
        return data
    left = split(leaves)
    halves = (data[: left * LEAF], first_leaf), (data[left * LEAF :], first_leaf + left)
    pair = b"".join(node(half, first, False) for half, first in halves)
    return pair + b"".join(slice_of(half, wanted, first) for half, first in halves)


class Wrong(Exception):
    """A slice is not that of the shard."""


def verify(root, length, wanted, data):
    """The bytes of the leaves in `wanted`, when `data` is their slice; raises Wrong when it is not."""
    taken = 0

    def take(count):
        nonlocal taken
        piece = data[taken : taken + count]
        if len(piece) < count:
            raise Wrong("the slice ends too early")
        taken += count
        return piece

    def walk(first_leaf, size, expected, is_root):
        leaves = leaves_of(size)
        begin, end = max(wanted[0], first_leaf), min(wanted[1], first_leaf + leaves)
        if begin >= end:
            return b""
        if leaves == 1 or leaves <= GROUP and end - begin == leaves:
            content = take(size)
            if node(content, first_leaf, is_root) != expected:
                raise Wrong(f"the bytes at leaf {first_leaf} have another hash")
            return content
        pair = take(64)
        if to_bytes(parent(pair[:32], pair[32:], is_root)) != expected:
            raise Wrong(f"the pair above leaf {first_leaf} has another hash")
        left = split(leaves)
        return walk(first_leaf, left * LEAF, pair[:32], False) + walk(
            first_leaf + left, size - left * LEAF, pair[32:], False
        )

    content = walk(0, length, root, True)
    if taken != len(data):
        raise Wrong("the slice goes on after its end")
    return content

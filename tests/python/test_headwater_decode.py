#!/usr/bin/env python3
"""The outside decoder against docs/vectors/chunker: it takes and refuses what the program takes and refuses."""

import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import headwater_decode as hw

VECTORS = pathlib.Path(__file__).parents[2] / "docs" / "vectors" / "chunker"


def vectors(name):
    return json.loads((VECTORS / name).read_text())


def unhex(text):
    return bytes.fromhex(text)


class Vectors(unittest.TestCase):
    def refuses(self, why, action):
        with self.subTest(why), self.assertRaises(hw.Invalid):
            action()

    def test_geometry(self):
        file = vectors("geometry.json")
        for v in file["lengths"]:
            k, m = map(int, v["coding"].split("+"))
            sealed_len = hw.padme(v["len"]) if v["padme"] else v["len"]
            log2, cells = hw.shape_of(k, sealed_len)
            geometry = hw.Geometry(k, m, log2, cells)
            found = (sealed_len, log2, cells, geometry.segments, geometry.shards)
            self.assertEqual(found, (v["sealed_len"], v["cell"], v["cells"], v["segments"], v["shards"]), v)
        for v in file["shapes"]:
            k, m = map(int, v["coding"].split("+"))
            geometry = hw.Geometry(k, m, v["cell"], v["cells"])
            found = [[list(shard) for shard in geometry.stored(segment)] for segment in range(geometry.segments)]
            self.assertEqual(found, v["segments"])
        for v in file["reject"]:
            self.refuses(v["why"], lambda v=v: hw.Geometry(v["k"], v["m"], v["cell"], v["cells"]))

    def test_keys(self):
        file = vectors("keys.json")
        for v in file["account"]:
            secret, salt = unhex(v["secret"]), unhex(v["salt"])
            for field, context, material in [
                ("payer_key_seed", "headwater v1 payer key", secret),
                ("pointer_key_seed", "headwater v1 pointer key", secret),
                ("s3_seed", "headwater v1 s3 credentials", secret),
                ("spool_key", "headwater v1 s3 spool", secret + salt),
                ("content_key", "headwater v1 content key", secret + salt),
                ("control_key_seed", "headwater v1 control key", secret + salt),
            ]:
                self.assertEqual(hw.derive_key(context, material).hex(), v[field])
        for v in file["object"]:
            keys = hw.Keys(unhex(v["content_key"]), unhex(v["salt"]), v["cell"])
            found = (keys.cell.hex(), keys.header.hex(), keys.commitment.hex())
            self.assertEqual(found, (v["cell_key"], v["header_key"], v["commitment"]))

    def test_cells(self):
        file = vectors("cells.json")
        keys = hw.Keys(unhex(file["key"]), unhex(file["salt"]), 10)

        def opened(v):
            geometry = hw.Geometry(3, 2, 10, v["cells"])
            return hw.open_cell(keys, geometry, v["cell"], v["len"], unhex(v["sealed"]))

        for v in file["accept"]:
            self.assertEqual(opened(v).hex(), v["plain"], v["what"])
        for v in file["reject"]:
            self.refuses(v["why"], lambda v=v: opened(v))

    def test_manifest(self):
        file = vectors("manifest.json")
        for v in file["accept"]:
            manifest = hw.Manifest(unhex(v["manifest"]))
            geometry = manifest.geometry
            found = (hw.cid_text(manifest.cid), f"{geometry.k}+{geometry.m}", geometry.log2, geometry.cells)
            self.assertEqual(found, (v["cid"], v["coding"], v["cell"], v["cells"]), v["what"])
            self.assertEqual([root.hex() for root in manifest.roots], v["roots"])
            found = (manifest.salt.hex(), manifest.seed.hex(), manifest.control.hex())
            self.assertEqual(found, (v["salt"], v["seed"], v["control"]))
            self.assertEqual(manifest.tags, v.get("tags", []))
        for v in file["reject"]:
            self.refuses(v["why"], lambda v=v: hw.Manifest(unhex(v["manifest"])))

    def test_header(self):
        file = vectors("header.json")
        for v in file["accept"]:
            _, header = hw.Manifest(unhex(v["manifest"])).unlock(unhex(v["key"]))
            expected = {key: v[key] for key in ("len", "name", "type") if v[key] is not None}
            self.assertEqual(header, expected)
        for v in file["reject"]:
            manifest = hw.Manifest(unhex(v["manifest"]))
            self.refuses(v["why"], lambda v=v, manifest=manifest: manifest.unlock(unhex(v["key"])))

    def test_link(self):
        file = vectors("link.json")
        for v in file["accept"]:
            cid, key = hw.decode_link(v["link"])
            self.assertEqual((hw.cid_text(cid), key.hex()), (v["cid"], v["key"]))
        for v in file["reject"]:
            self.refuses(v["why"], lambda v=v: hw.decode_link(v["link"]))


class ErasureCode(unittest.TestCase):
    def test_matrix_of_the_specification(self):
        matrix = hw.generator(4, 2)
        self.assertEqual([row.hex() for row in matrix[4:]], ["1b1c1214", "1c1b1412"])
        self.assertEqual(matrix[:4], [bytes(i == j for j in range(4)) for i in range(4)])

    def test_every_loss(self):
        data = [hw.hash_of(bytes([column])) for column in range(4)]
        cells = [hw.combine(row, data) for row in hw.generator(4, 3)]
        for kept in itertools.combinations(range(7), 4):
            found = hw.Rebuilder(4, 3).data({column: cells[column] for column in kept})
            self.assertEqual([found[column] for column in range(4)], data, kept)


class WholeObject(unittest.TestCase):
    """docs/vectors/chunker/object: 2500 bytes at 3+2."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.object = self.folder / "object"
        shutil.copytree(VECTORS / "object", self.object)
        self.link = (self.object / "link").read_text()
        self.plaintext = (self.object / "plaintext").read_bytes()
        self.shards = sorted((self.object / "shards").iterdir())
        self.assertEqual(len(self.shards), 5)

    def decode(self, *stores, link=None):
        out = self.folder / "out"
        out.unlink(missing_ok=True)
        script = pathlib.Path(hw.__file__)
        command = [sys.executable, script, "--link", link or self.link, "--out", out, *stores]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(run.stdout, "")
        self.assertEqual(out.exists(), run.returncode == 0, "there is a file if and only if all of it is there")
        return run, out.read_bytes() if out.exists() else None

    def test_every_loss(self):
        for count in range(4):
            for lost in itertools.combinations(self.shards, count):
                for shard in lost:
                    shard.rename(self.folder / shard.name)
                run, found = self.decode(self.object)
                if count <= 2:
                    self.assertEqual((run.returncode, found), (0, self.plaintext), lost)
                else:
                    self.assertEqual(run.returncode, 1, lost)
                    self.assertIn("segment 0 needs 3 shards, 2 are there", run.stderr)
                for shard in lost:
                    (self.folder / shard.name).rename(shard)

    def test_as_the_outside_check_calls_it(self):
        script = pathlib.Path(hw.__file__)
        for lose, status in [("0", 0), ("2", 0), ("3", 1)]:
            command = [sys.executable, script, self.link, "--lose", lose, self.object, self.folder]
            run = subprocess.run(command, capture_output=True, timeout=60)
            self.assertEqual(run.returncode, status, run.stderr)
            if status == 0:
                self.assertEqual(run.stdout, self.plaintext)

    def test_a_damaged_shard_counts_as_missing(self):
        for shard in self.shards[:2]:
            data = bytearray(shard.read_bytes())
            data[500] ^= 1
            shard.write_bytes(data)
        self.assertEqual(self.decode(self.object)[1], self.plaintext)

    def test_swapped_shards_count_as_missing(self):
        first, second = (shard.read_bytes() for shard in self.shards[:2])
        self.shards[0].write_bytes(second)
        self.shards[1].write_bytes(first)
        self.assertEqual(self.decode(self.object)[1], self.plaintext)

    def test_a_nodes_folder(self):
        """One shard in a file of its own, the rest and the manifest in packs of two nodes, one of which ends in the middle."""
        entries = [entry(shard.read_bytes()) for shard in self.shards]
        manifest = (self.object / "manifest.cbor").read_bytes()
        nodes = [self.folder / "a", self.folder / "b"]
        for node in nodes:
            (node / "shards" / "0").mkdir(parents=True)
            (node / "packs").mkdir()
        name = self.shards[0].name
        (nodes[0] / "shards" / "0" / name).write_bytes(entries[0] + raw_entry(3, bytes(64)))
        lease = raw_entry(2, b"a lease")
        (nodes[0] / "packs" / "00000000.pack").write_bytes(entries[1] + lease + entry(manifest) + entries[2][:-1])
        (nodes[1] / "packs" / "00000001.pack").write_bytes(lease + entries[3] + raw_entry(9, b"?")[:-1] + entries[4])
        run, found = self.decode(*nodes)
        self.assertEqual((run.returncode, found), (0, self.plaintext), run.stderr)
        self.assertIn("needs 3 shards, 2 are there", self.decode(nodes[0])[0].stderr)

    def test_clear_messages(self):
        (self.object / "manifest.cbor").rename(self.folder / "gone")
        self.assertIn("the manifest", self.decode(self.object)[0].stderr)
        self.assertIn("not a link", self.decode(self.object, link=self.link[:-1])[0].stderr)
        self.assertIn("is no folder", self.decode(self.folder / "nowhere")[0].stderr)

    def test_a_wrong_key(self):
        link = self.link[:-43] + "A" * 43
        run, _ = self.decode(self.object, link=link)
        self.assertEqual(run.returncode, 1)
        self.assertIn("the key does not belong to this object", run.stderr)


def raw_entry(kind, head, rest=b""):
    check = hw.hash_of(bytes([kind]) + head)[:4]
    return hw.ENTRY.pack(b"HWe1", kind, bytes(3), len(head) + len(rest), check) + head + rest


def entry(shard):
    return raw_entry(1, hw.SHARD_HEAD.pack(hw.hash_of(shard), len(shard)), shard)


if __name__ == "__main__":
    unittest.main()

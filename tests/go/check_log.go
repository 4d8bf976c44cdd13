// Checks a transparency log with the packages of Go's checksum database alone: `check_log FOLDER`.
//
// The folder is the one that `ledger/examples/published.rs` writes. Every hash in every tile, every entry, every proof and
// the growth from the older checkpoint must be what the signed checkpoint says; anything else ends the program with 1.
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type folder string

func main() {
	log.SetFlags(0)
	dir := folder(os.Args[1])
	tree, before := dir.checkpoint("checkpoint"), dir.checkpoint("checkpoint.before")
	hashes := tlog.TileHashReader(tree, dir)
	root, err := tlog.TreeHash(tree.N, hashes)
	check(err)
	if root != tree.Hash {
		log.Fatalf("the tiles have the root %v, the checkpoint %v", root, tree.Hash)
	}
	dir.checkEntries(tree, hashes)
	dir.checkGrowth(before, tree, hashes)
	fmt.Printf("Go's sumdb: %d entries, %d proofs, growth from %d entries\n", tree.N, dir.checkProofs(tree), before.N)
}

// checkpoint opens a note, which must be signed by the log, and reads its three lines.
func (dir folder) checkpoint(name string) tlog.Tree {
	return dir.open(dir.read(name))
}

func (dir folder) open(text []byte) tlog.Tree {
	verifier, err := note.NewVerifier(string(dir.read("log.vkey")))
	check(err)
	opened, err := note.Open(text, note.VerifierList(verifier))
	check(err)
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		log.Fatalf("a checkpoint of %q", origin)
	}
	// Go's own trees have another first line.
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + rest))
	check(err)
	return tree
}

// checkEntries reads the bundles, and compares every entry with its leaf.
func (dir folder) checkEntries(tree tlog.Tree, hashes tlog.HashReader) {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		tile := tlog.Tile{H: tileHeight, L: -1, N: first >> tileHeight, W: int(width)}
		var indexes []int64
		for n := first; n < first+width; n++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n))
		}
		leaves, err := hashes.ReadHashes(indexes)
		check(err)
		bundle := dir.read(path(tile))
		for at, leaf := range leaves {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				log.Fatalf("bundle %s ends in entry %d", path(tile), at)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != leaf {
				log.Fatalf("entry %d is not the leaf of the tree", first+int64(at))
			}
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			log.Fatalf("bundle %s is too long", path(tile))
		}
	}
}

// checkGrowth compares our proof that the log has only grown with the one that Go makes, and checks it.
func (dir folder) checkGrowth(before, tree tlog.Tree, hashes tlog.HashReader) {
	proof := tlog.TreeProof(parseHashes(string(dir.read("consistency"))))
	check(tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash))
	expected, err := tlog.ProveTree(tree.N, before.N, hashes)
	check(err)
	if fmt.Sprint(proof) != fmt.Sprint(expected) {
		log.Fatal("Go makes another consistency proof")
	}
}

// checkProofs checks every .tlog-proof and says how many there are.
func (dir folder) checkProofs(tree tlog.Tree) int {
	entries, err := filepath.Glob(filepath.Join(string(dir), "proof", "*.entry"))
	check(err)
	for _, name := range entries {
		entry, err := os.ReadFile(name)
		check(err)
		text, err := os.ReadFile(strings.TrimSuffix(name, "entry") + "tlog-proof")
		check(err)
		head, checkpoint, _ := strings.Cut(string(text), "\n\n")
		if dir.open([]byte(checkpoint)) != tree {
			log.Fatalf("%s has another checkpoint", name)
		}
		var index int64
		heading, lines, _ := strings.Cut(head, "\n")
		first, path, _ := strings.Cut(lines, "\n")
		if _, err := fmt.Sscanf(first, "index %d", &index); err != nil || heading != "c2sp.org/tlog-proof@v1" {
			log.Fatalf("%s has no heading and index", name)
		}
		check(tlog.CheckRecord(parseHashes(path), tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	}
	return len(entries)
}

func parseHashes(text string) (hashes []tlog.Hash) {
	for _, line := range strings.Fields(text) {
		hash, err := tlog.ParseHash(line)
		check(err)
		hashes = append(hashes, hash)
	}
	return hashes
}

// path is where C2SP puts a tile: as Go does, without its height, and `entries` for `data`.
func path(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

func (dir folder) Height() int { return tileHeight }

func (dir folder) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(string(dir), path(tile)))
		if err != nil {
			return nil, err
		}
		data = append(data, bytes)
	}
	return data, nil
}

func (dir folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir folder) read(name string) []byte {
	bytes, err := os.ReadFile(filepath.Join(string(dir), name))
	check(err)
	return bytes
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

//go:build linux && amd64

package windows

import (
	"bytes"
	"debug/pe"
	"encoding/json"
	"os"
	"testing"
)

// The standard library still has the places that are mended for Wine.
func TestOverlay(t *testing.T) {
	path, err := overlay(t.TempDir(), goroot(t))
	check(t, err)
	text, err := os.ReadFile(path)
	check(t, err)
	var list struct{ Replace map[string]string }
	check(t, json.Unmarshal(text, &list))
	for from, to := range list.Replace {
		old, err := os.ReadFile(from)
		check(t, err)
		mended, err := os.ReadFile(to)
		check(t, err)
		if more := len(mended) - len(old); more < 20 || more > 120 {
			t.Errorf("%s: %d bytes more, want a condition more", from, more)
		}
	}
	if len(list.Replace) != len(mends()) {
		t.Errorf("got %d files, want %d", len(list.Replace), len(mends()))
	}
}

// The library is one, as debug/pe reads it: its section is its export table.
func TestForwarder(t *testing.T) {
	f, err := pe.NewFile(bytes.NewReader(forwarder("here.dll", "Function", "there.Other")))
	check(t, err)
	table := f.OptionalHeader.(*pe.OptionalHeader64).DataDirectory[0]
	if len(f.Sections) != 1 || f.Sections[0].VirtualAddress != table.VirtualAddress || f.Sections[0].VirtualSize != table.Size {
		t.Fatalf("got sections %v, want one that is the table %v", f.Sections, table)
	}
	text, err := f.Sections[0].Data()
	check(t, err)
	if want := []byte("here.dll\x00Function\x00there.Other\x00"); !bytes.Contains(text[:table.Size], want) {
		t.Errorf("got %q, want %q in it", text, want)
	}
}

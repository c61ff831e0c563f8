package windows

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// mends is what the standard library takes for granted that Wine 8 lacks: each an
// error that Wine returns for what Windows knows, and that is let pass.
func mends() []mend {
	return []mend{
		{"net/fd_windows.go", "windows.SIO_UDP_NETRESET", "if err != nil {", "if err != nil && err != syscall.Errno(10045) { // WSAEOPNOTSUPP"},
		{"internal/syscall/windows/at_windows.go", "switch err {", "case STATUS_INVALID_INFO_CLASS,", "case NTStatus(0xC0000002), STATUS_INVALID_INFO_CLASS, // STATUS_NOT_IMPLEMENTED\n\t\t"},
	}
}

// mend changes the first from after after in a file of the standard library.
type mend struct{ file, after, from, to string }

// overlay writes a file for go build -overlay into dir, and returns its path. Nothing
// of socksctl is another for Wine.
func overlay(dir, goroot string) (string, error) {
	replace := map[string]string{}
	for _, m := range mends() {
		path := filepath.Join(goroot, "src", filepath.FromSlash(m.file))
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		before, rest, found := strings.Cut(string(text), m.after)
		head, tail, fits := strings.Cut(rest, m.from)
		if !found || !fits {
			return "", fmt.Errorf("%s: no %q after %q: look whether Wine still lacks it", path, m.from, m.after)
		}
		mended := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(mended, []byte(before+m.after+head+m.to+tail), 0o600); err != nil {
			return "", err
		}
		replace[path] = mended
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// Of a library for Windows: where it is in memory, and how its parts are laid out.
const (
	memory = 0x1000
	piece  = 0x200
)

// forwarder returns a library for amd64 with one function, which is that of another
// library. Go takes its randomness from ProcessPrng of bcryptprimitives.dll, which
// Wine has from version 9 on.
func forwarder(library, function, target string) []byte {
	exports := exportTable(library, function, target)
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 58))
	put(&b, uint32(64))
	b.WriteString("PE\x00\x00")
	put(&b, uint16(0x8664), uint16(1), [3]uint32{}, uint16(112+16*8), uint16(0x2022)) // amd64, a section, a library
	put(&b, uint16(0x20b), uint16(0), uint32(0), uint32(piece), [3]uint32{})
	put(&b, uint64(0x180000000), uint32(memory), uint32(piece), [6]uint16{6, 0, 0, 0, 6, 0}, uint32(0))
	put(&b, uint32(2*memory), uint32(piece), uint32(0), uint16(2), uint16(0x100))
	put(&b, [4]uint64{0x100000, 0x1000, 0x100000, 0x1000}, uint32(0), uint32(16))
	put(&b, uint32(memory), uint32(len(exports)), [15]uint64{})
	put(&b, [8]byte{'.', 'e', 'd', 'a', 't', 'a'}, uint32(len(exports)), uint32(memory), uint32(piece), uint32(piece), [3]uint32{}, uint32(0x40000040))
	b.Write(make([]byte, piece-b.Len()))
	b.Write(exports)
	b.Write(make([]byte, 2*piece-b.Len()))
	return b.Bytes()
}

// exportTable is the directory of what a library has for others: one function, whose
// address is a name in the directory, which means that it is elsewhere.
func exportTable(library, function, target string) []byte {
	const functions, names, ordinals, text = 40, 44, 48, 50
	functionAt := text + len(library) + 1
	targetAt := functionAt + len(function) + 1
	var b bytes.Buffer
	put(&b, [3]uint32{}, uint32(memory+text), [3]uint32{1, 1, 1})
	put(&b, [3]uint32{memory + functions, memory + names, memory + ordinals})
	put(&b, uint32(memory+targetAt), uint32(memory+functionAt), uint16(0))
	b.WriteString(library + "\x00" + function + "\x00" + target + "\x00")
	return b.Bytes()
}

func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		_ = binary.Write(b, binary.LittleEndian, v) // a buffer takes all
	}
}

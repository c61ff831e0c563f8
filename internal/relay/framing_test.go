package relay_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/socksctl/socksctl/internal/relay"
)

// record is a TLS record of n bytes after its header.
func record(n int) []byte {
	return append([]byte{23, 3, 3, byte(n >> 8), byte(n)}, bytes.Repeat([]byte{byte(n)}, n)...)
}

// Past the opening of a connection, a read returns no more than is left of one
// record, wherever the pieces that it comes in begin and end.
func TestRawReadsOneRecord(t *testing.T) {
	stream := slices.Concat(record(16<<10), record(1), record(0), record(300), record(16<<10))
	if near, _ := tcpPair(t); relay.HasSource(near) == nil {
		t.Skip("here crypto/tls reads into its own buffer")
	}
	for _, piece := range []int{1 << 20, 7000, 305, 16389, 4} {
		far, near := tcpPair(t)
		raw := relay.NewRaw(near)
		go func() {
			for b := range slices.Chunk(stream, piece) {
				far.Write(b)
			}
		}()
		var got []byte
		for len(got) < len(stream) {
			p := make([]byte, 20<<10)
			n, err := raw.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			if at := len(got); at >= 16<<10 {
				want := boundary(stream, at) - at
				if n > want || n == 0 {
					t.Fatalf("pieces of %d: at %d got %d bytes, want 1 to %d", piece, at, n, want)
				}
			}
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, stream) {
			t.Errorf("pieces of %d: other bytes", piece)
		}
	}
}

// boundary returns where the record of which stream[at] is a byte ends.
func boundary(stream []byte, at int) (end int) {
	for end <= at {
		end += 5 + int(stream[end+3])<<8 + int(stream[end+4])
	}
	return end
}

// Bytes that are no records all come nevertheless: it is for crypto/tls to refuse
// them.
func TestRawReadsWhatIsNoTLS(t *testing.T) {
	far, near := tcpPair(t)
	want := bytes.Repeat([]byte("GET / HTTP/1.1\r\n\r\n\x00\xff"), 5000)
	go func() {
		far.Write(want)
		relay.CloseWrite(far)
	}()
	got := make([]byte, len(want)+1)
	n, err := io.ReadFull(relay.NewRaw(near), got)
	if !bytes.Equal(got[:n], want) || err != relay.ErrTruncated {
		t.Errorf("got %d bytes and %v, want the %d sent and %v", n, err, len(want), relay.ErrTruncated)
	}
}

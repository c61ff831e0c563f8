package carrier

import "net/netip"

// What the system takes as one, to cut it up into datagrams of one length.
const (
	maxSegments = 64      // UDP_MAX_SEGMENTS of linux, as it was at first
	maxTogether = maxUDP4 // bytes
)

// together returns how many of the messages at the front of ms can go as one: for
// one peer, all as long as the first, but the last may be shorter. None is longer
// than longest. It is 1 at least.
func together(ms []message, longest int) int {
	size := ms[0].size()
	if size == 0 || size > longest {
		return 1
	}
	n, total := 1, size
	for n < min(len(ms), maxSegments) {
		next := ms[n].size()
		if next == 0 || next > size || total+next > maxTogether || ms[n].peer != ms[0].peer {
			break
		}
		total += next
		n++
		if next < size {
			break
		}
	}
	return n
}

// size returns how long the datagram is on the network.
func (m *message) size() int { return len(m.head) + len(m.data) }

// split fills ms with what is in whole from an offset on: datagrams of a length,
// the last of which may be shorter. It returns how many those are and the offset
// behind them. Of an empty whole it makes an empty datagram.
func split(ms []message, peer netip.AddrPort, whole []byte, from, segment int) (n, to int) {
	for n < len(ms) {
		end := min(from+segment, len(whole))
		ms[n] = message{peer: peer, data: whole[from:end:end]}
		n++
		if from = end; from >= len(whole) {
			break
		}
	}
	return n, from
}

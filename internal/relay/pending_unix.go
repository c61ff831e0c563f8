//go:build unix && !linux

package relay

// fionread asks how many bytes wait on a socket: _IOR('f', 127, int).
const fionread = 0x4004667f

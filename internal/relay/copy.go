package relay

import "io"

// copy moves bytes from src to dst until src ends, and reports whether it ended
// in order.
func (f *flow) copy() bool {
	buf := buffers.get()
	defer buffers.put(buf)
	for {
		n, err := f.src.data.Read(buf[:])
		if !f.write(buf[:n]) {
			return false
		}
		if err == io.EOF {
			return true
		}
		if err != nil {
			f.readFailed(err)
			return false
		}
	}
}

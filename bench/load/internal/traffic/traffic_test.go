package traffic_test

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/socksctl/socksctl/bench/load/internal/traffic"
)

// short is a span in which all that is measured comes about, on a busy machine too.
var short = traffic.Span{Ramp: time.Millisecond, Window: 300 * time.Millisecond}

// still is a meter of something that takes no CPU time.
func still() (time.Duration, error) { return 0, nil }

// direct is a way to an origin without a proxy.
func direct(t *testing.T) (*traffic.Origin, *traffic.Way) {
	t.Helper()
	o, err := traffic.NewOrigin()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o, &traffic.Way{Proxy: o.Addr(), Bare: true}
}

func TestBulkIsCounted(t *testing.T) {
	o, w := direct(t)
	down, err := traffic.Download(t.Context(), w, 2, short, still)
	if err != nil || down.Done == 0 || down.Took < short.Window {
		t.Errorf("down: got %+v, %v", down, err)
	}
	up, err := traffic.Upload(t.Context(), o, w, 2, short, still)
	if err != nil || up.Done == 0 {
		t.Errorf("up: got %+v, %v", up, err)
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	_, w := direct(t)
	work, err := traffic.Connects(t.Context(), w, 4, short, still)
	if err != nil || work.Done == 0 {
		t.Errorf("got %+v, %v", work, err)
	}
	if times, err := traffic.Arrivals(t.Context(), w, 100, 200*time.Millisecond); len(times) != 20 || !slices.IsSorted(times) || times[0] <= 0 || err != nil {
		t.Errorf("arrivals: got %v, %v, want 20 in order", times, err)
	}
	if times, err := traffic.Pings(t.Context(), w, short); len(times) == 0 || !slices.IsSorted(times) || err != nil {
		t.Errorf("pings: got %d, %v", len(times), err)
	}
}

func TestErrorsAreTold(t *testing.T) {
	o, w := direct(t)
	o.Close()
	if work, err := traffic.Connects(t.Context(), w, 4, short, still); err == nil {
		t.Errorf("connects: got %+v, want an error", work)
	}
	if times, err := traffic.Arrivals(t.Context(), w, 100, 50*time.Millisecond); err == nil {
		t.Errorf("arrivals: got %v, want an error", times)
	}
	conns, err := traffic.Open(t.Context(), w, 3)
	traffic.CloseAll(conns)
	if err == nil {
		t.Error("open: got no error")
	}
}

func TestBurst(t *testing.T) {
	_, w := direct(t)
	conns, err := traffic.OpenBlocks(t.Context(), w, 10)
	defer traffic.CloseAll(conns)
	if err != nil {
		t.Fatal(err)
	}
	if err := traffic.Burst(conns, 2); err != nil {
		t.Error(err)
	}
}

func TestDatagrams(t *testing.T) {
	e, err := traffic.NewEcho()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	w := &traffic.Way{Proxy: e.Addr(), Target: e.Addr(), Bare: true}
	for _, busy := range []traffic.Busy{{Associations: 1, Window: 8, Together: 4}, {Associations: 3, Window: 1, Together: 1, Idle: 2}} {
		work, lost, err := traffic.Datagrams(t.Context(), w, busy, short, still)
		if err != nil || work.Done == 0 || work.Done%2 != 0 {
			t.Errorf("%+v: got %+v, %d lost, %v", busy, work, lost, err)
		}
	}
	if times, err := traffic.DatagramPings(t.Context(), w, short); len(times) == 0 || err != nil {
		t.Errorf("pings: got %d, %v", len(times), err)
	}
}

// TestDelay holds a byte to be there and back no sooner than the delays allow: the
// handshake's round trip and that of the byte.
func TestDelay(t *testing.T) {
	o, w := direct(t)
	const each = 20 * time.Millisecond
	d, err := traffic.NewDelay(o.Addr(), each)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w.Proxy = d.Addr()
	times, err := traffic.FirstBytes(t.Context(), w, 3, 0)
	if err != nil || len(times) != 3 || times[0] < 4*each {
		t.Errorf("first bytes: got %v, %v, want 3 of %v at least", times, err, 4*each)
	}
	pings, err := traffic.Pings(t.Context(), w, short)
	if err != nil || len(pings) == 0 || pings[0] < 2*each {
		t.Errorf("pings: got %v, %v, want %v at least", pings, err, 2*each)
	}
}

func TestDelayPassesEndsOn(t *testing.T) {
	o, _ := direct(t)
	d, err := traffic.NewDelay(o.Addr(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := net.Dial("tcp", d.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte("Exyz")); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	n := 0
	for {
		more, err := c.Read(got[n:])
		if n += more; err != nil {
			break
		}
	}
	if string(got[:n]) != "xyz" {
		t.Errorf("got %q, want what was sent and an end", got[:n])
	}
}

func TestPercentile(t *testing.T) {
	times := []time.Duration{1, 2, 3, 4, 5}
	for p, want := range map[float64]time.Duration{0: 1, 50: 3, 99: 5, 100: 5} {
		if got := traffic.Percentile(times, p); got != want {
			t.Errorf("%v: got %d, want %d", p, got, want)
		}
	}
	if got := traffic.Percentile(nil, 50); got != 0 {
		t.Errorf("of none: got %d", got)
	}
}

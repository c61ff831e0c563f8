package human_test

import (
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/socksctl/socksctl/internal/human"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 17: "17 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 10188: "9.9 KiB", 10189: "10 KiB",
		1<<20 - 1: "1.0 MiB", 1<<20 - 513: "1023 KiB", 1023 << 20: "1023 MiB", 3 << 40: "3.0 TiB", math.MaxInt64: "8.0 EiB",
	} {
		if got := human.Size(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "-", -5: "-", 2048: "2.0 KiB/s"} {
		if got := human.Rate(n); got != want {
			t.Errorf("%d a second: got %s, want %s", n, got, want)
		}
	}
}

func TestTook(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", 252 * time.Second: "4m12s", time.Hour: "1h00m",
		125 * time.Minute: "2h05m", 24*time.Hour - 1: "23h59m", 76 * time.Hour: "3d04h", 1000 * 24 * time.Hour: "1000d00h",
	} {
		if got := human.Took(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 sessions", 1: "1 session", 2: "2 sessions"} {
		if got := human.Count(n, "session"); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// What a terminal would act on is escaped: controls of both kinds, what reverses
// text, what is no text, and what only looks like the sign for it.
func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"":                          "",
		"example.com":               "example.com",
		`a "b" \c`:                  `a "b" \c`,
		"bücher.example":            "bücher.example",
		"日本":                        "日本",
		"a\x1b[31mb":                `a\u001b[31mb`,
		"a\nb\tc\r":                 `a\u000ab\u0009c\u000d`,
		"\u009b2J":                  `\u009b2J`,
		"\x9b2J":                    `\x9b2J`,
		"\x7f":                      `\u007f`,
		"user\u202egro.live":        `user\u202egro.live`,
		"\u2066x\u200b\ufeff\u00ad": `\u2066x\u200b\ufeff\u00ad`,
		"a\u00a0b\u2028":            `a\u00a0b\u2028`,
		"\x1b\"\\":                  `\u001b"\`,
		"\xff":                      `\xff`,
		"\ufffd":                    `�`,
	} {
		if got := human.Visible(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

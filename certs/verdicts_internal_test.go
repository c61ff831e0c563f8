package certs

import (
	"crypto/x509"
	"testing"
	"time"
)

// A verdict counts within the dates of all certificates of its chains.
func TestVerdictsDates(t *testing.T) {
	now, hour := time.Now(), time.Hour
	good := &x509.Certificate{NotBefore: now.Add(-hour), NotAfter: now.Add(hour)}
	for name, tt := range map[string]struct {
		other *x509.Certificate
		want  bool
	}{
		"good":        {good, true},
		"ended":       {&x509.Certificate{NotBefore: now.Add(-hour), NotAfter: now.Add(-time.Second)}, false},
		"not begun":   {&x509.Certificate{NotBefore: now.Add(hour), NotAfter: now.Add(2 * hour)}, false},
		"ended early": {&x509.Certificate{NotBefore: now.Add(-2 * hour), NotAfter: now.Add(-hour)}, false},
	} {
		for _, chains := range [][][]*x509.Certificate{
			{{good, tt.other}}, {{tt.other, good}}, {{good, good}, {good, tt.other}}, {{tt.other, good}, {good, good}},
		} {
			var v verdicts
			v.remember(verdictKey{1}, nil, chains)
			if got := v.recall(verdictKey{1}) != nil; got != tt.want {
				t.Errorf("%s: got %v, want %v", name, got, tt.want)
			}
			if v.recall(verdictKey{2}) != nil {
				t.Errorf("%s: a verdict under another key", name)
			}
		}
	}
}

// Names and certificates do not run into one another.
func TestVerdictsKeys(t *testing.T) {
	cert := func(raw string) *x509.Certificate { return &x509.Certificate{Raw: []byte(raw)} }
	keys := map[verdictKey]bool{
		keyOf("a", []*x509.Certificate{cert("b")}): true,
		keyOf("", []*x509.Certificate{cert("b")}):  true,
		keyOf("ab", nil): true,
		keyOf("", []*x509.Certificate{cert("b"), cert("c")}):  true,
		keyOf("a", []*x509.Certificate{cert("b"), cert("c")}): true,
	}
	if len(keys) != 5 {
		t.Errorf("got %d keys, want 5", len(keys))
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	var v verdicts
	cert := &x509.Certificate{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for i := range 2*verdictsKept + 10 {
		key := verdictKey{byte(i), byte(i >> 8), byte(i >> 16)}
		v.remember(key, nil, [][]*x509.Certificate{{cert}})
		if v.recall(key) == nil {
			t.Fatalf("%d is not remembered", i)
		}
	}
	n := 0
	v.good.Range(func(any, any) bool { n++; return true })
	if n > verdictsKept {
		t.Errorf("got %d verdicts, want %d at most", n, verdictsKept)
	}
}

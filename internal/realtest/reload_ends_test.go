//go:build linux

package realtest_test

import (
	"fmt"
	"testing"
)

// After a reload sessions that are denied end at once, with the reason in the
// log, and all others go on.
func TestReloadEndsWhatIsDenied(t *testing.T) {
	every := map[string]bool{byPassword: true, byTLS: true, byForwarder: true}
	for name, c := range map[string]struct {
		change func(*testing.T, *reloadable)
		ends   map[string]bool // ways of alice's
		reason string
	}{
		"denied":  {func(t *testing.T, r *reloadable) { r.put(t, "rules.toml", blockAlice) }, every, "no longer allowed: denied by rule"},
		"revoked": {func(t *testing.T, r *reloadable) { r.revoke(t, "alice") }, map[string]bool{byTLS: true, byForwarder: true}, "no longer let in: certificate revoked: .*CN=alice"},
		"removed": {func(t *testing.T, r *reloadable) { r.password(t, "remove", "alice") }, map[string]bool{byPassword: true}, "no longer let in: user .*alice.* is no longer in the user file"},
	} {
		t.Run(name, func(t *testing.T) {
			to := newEchoes(t)
			r := newReloadable(t, false)
			type whose struct{ name, way string }
			open := make(map[whose][]live)
			for way := range every {
				for _, name := range []string{"alice", "bob"} {
					open[whose{name, way}] = sessions(t, r.dialer(t, way, name), to)
				}
			}
			c.change(t, r)
			r.trigger(t, bySignal)
			r.await(t, regexpOf(fmt.Sprintf(`msg=reloaded by=SIGHUP changed=\w+ ended=%d\n`, 3*len(c.ends))), 1)
			r.await(t, regexpOf(`level=WARN msg=refused .*user=alice .*err=".*`+c.reason), 3*len(c.ends))
			for w, all := range open {
				for _, s := range all {
					check, want := s.alive, "alive"
					if w.name == "alice" && c.ends[w.way] {
						check, want = s.ended, "ended"
					}
					if err := check(); err != nil {
						t.Errorf("%s by %s, %s: not %s: %v", w.name, w.way, s.what, want, err)
					}
				}
			}
		})
	}
}

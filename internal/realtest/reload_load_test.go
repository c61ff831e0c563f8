//go:build linux

package realtest_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/client"
	"github.com/socksctl/socksctl/internal/admin"
	"github.com/socksctl/socksctl/internal/files"
)

// A hundred reloads, by all triggers at once and of everything there is, while
// connections come and go: nobody who is still allowed loses one or is refused.
func TestReloadUnderLoad(t *testing.T) {
	const reloads = 100
	to := newEchoes(t)
	r := newReloadable(t, true)
	var dialers []*client.Dialer
	var steady []live
	for _, way := range []string{byPassword, byTLS, byForwarder} {
		d := r.dialer(t, way, "bob")
		dialers = append(dialers, d, d)
		steady = append(steady, sessions(t, d, to)...)
	}
	var running sync.WaitGroup
	var done atomic.Bool
	var came atomic.Int64
	for _, d := range dialers {
		running.Go(func() { // ends when done is set
			for ; !done.Load(); came.Add(1) {
				if err := reach(d, to); err != nil {
					t.Errorf("a new connection to %s: %v", d, err)
				}
			}
		})
	}
	denied := &client.Dialer{Address: r.plain, User: "alice", Password: "alice"}
	running.Go(func() { // so does this: it is denied in every other round, and tells of nothing
		for !done.Load() {
			_ = reach(denied, to)
		}
	})
	asked := &admin.Client{Address: "unix:" + r.file("admin")}
	for i := range reloads {
		if err := r.changeAll(i); err != nil {
			t.Error(err)
		}
		if i%2 == 0 {
			r.signal(t, syscall.SIGHUP)
		}
		if _, err := asked.Reload(t.Context()); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	done.Store(true)
	running.Wait()
	t.Logf("%d connections came and went", came.Load())
	for _, s := range steady {
		if err := s.alive(); err != nil {
			t.Errorf("%s: %v", s.what, err)
		}
	}
	for line := range strings.Lines(r.said.String()) {
		if strings.Contains(line, "user=bob") && strings.Contains(line, "msg=refused") || strings.Contains(line, "level=ERROR") {
			t.Error(line)
		}
	}
}

// changeAll changes what is one file each, in one go: a certificate and its key
// are two.
func (r *reloadable) changeAll(round int) error {
	rules := []string{allowAll, blockAlice}[round%2]
	users, err := files.Read(r.file("users"))
	if err != nil {
		return err
	}
	comment := fmt.Sprintf("# round %d\n", round)
	if round%10 == 0 { // all passwords are work again then
		users = append(users, comment...)
	}
	limits := fmt.Sprintf("[server.limits]\nconnect_timeout = \"%ds\"\n", 60+round)
	return errors.Join(
		files.Replace(r.file("rules.toml"), []byte(rules+comment), 0o600),
		files.Replace(r.file("users"), users, 0o600),
		files.Replace(r.file("server.toml"), []byte(limits), 0o600),
		r.ca.Revoke(r.dir, "eve"),
	)
}

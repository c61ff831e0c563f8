package auth

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/socksctl/socksctl/server"
)

// counted counts the work that is done, in place of a clock.
type counted struct {
	password string
	calls    int
}

func (c *counted) match(password string) bool { c.calls++; return password == c.password }
func (c *counted) class() string              { return "counted" }

// conformance 11: an unknown user is as much work as a wrong password.
func TestDecoyWork(t *testing.T) {
	alice, decoy := &counted{password: "one"}, &counted{password: "one"}
	table := &table{users: map[string]hash{"alice": alice}, decoys: []hash{decoy}, cache: newCache()}
	work := newWork(1)
	for _, name := range []string{"alice", "eve", ""} {
		for _, password := range []string{"wrong", ""} {
			if ok, err := table.verify(t.Context(), work, name, password); ok || err != nil {
				t.Errorf("%q, %q: got %v, %v, want false", name, password, ok, err)
			}
		}
	}
	if ok, _ := table.verify(t.Context(), work, "eve", "one"); ok {
		t.Error("eve is let in by the decoy")
	}
	if alice.calls != 2 || decoy.calls != 5 {
		t.Errorf("got %d and %d hashes, want 2 and 5", alice.calls, decoy.calls)
	}
}

// conformance 11: names that do not exist are spread over the classes of hashes as
// those that do are, and each keeps its class, after a reload too.
func TestDecoyOfEachClass(t *testing.T) {
	const bcrypt = "$2a$04$CwTycUXWue0Thq9StjUM0uJ8.GnLZ2iWuTLVrZDTt3wsMJg7j5wYS"
	const argon = "$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$Wg9nrlI1wIF/dEqE4nMyiXXBJHFgCIKqjy0AFlwnDoU"
	const names = 4000
	work := newWork(1)
	for lines, share := range map[string]map[string]float64{
		"a:" + bcrypt + "\nb:" + argon + "\nc:" + bcrypt + "\nd:" + bcrypt: {"bcrypt 04": 0.75, "argon2id m=1024,t=2,p=1": 0.25},
		"a:" + bcrypt: {"bcrypt 04": 1},
		"":            {"argon2id m=19456,t=2,p=1": 1}, // as new users have
	} {
		before, err := parseTable("users", []byte(lines))
		if err != nil {
			t.Fatal(err)
		}
		after, err := parseTable("users", []byte(lines))
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for i := range names {
			name := fmt.Sprint("stranger", i)
			class := work.decoy(before.decoys, name).class()
			got[class]++
			if again := work.decoy(after.decoys, name).class(); again != class {
				t.Errorf("%s: got %s, then %s", name, class, again)
			}
		}
		for class, share := range share {
			want := int(share * names)
			if n := got[class]; n < want-names/20 || n > want+names/20 { // seven deviations
				t.Errorf("%s: got %d of %d names, want about %d", class, n, names, want)
			}
			delete(got, class)
		}
		if len(got) > 0 {
			t.Errorf("got classes that no user has: %v", got)
		}
	}
}

func TestCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alice := &counted{password: "one"}
		table := &table{users: map[string]hash{"alice": alice}, decoys: []hash{alice}, cache: newCache()}
		work := newWork(1)
		try := func(password string, wantOK bool, wantCalls int) {
			t.Helper()
			ok, err := table.verify(t.Context(), work, "alice", password)
			if ok != wantOK || err != nil || alice.calls != wantCalls {
				t.Errorf("%q: got %v, %v after %d hashes, want %v after %d", password, ok, err, alice.calls, wantOK, wantCalls)
			}
		}
		try("one", true, 1)
		try("one", true, 1)
		try("two", false, 2)
		try("two", false, 3) // a failure is not remembered
		time.Sleep(cacheTime - 1)
		try("one", true, 3)
		time.Sleep(1)
		try("one", true, 4)
	})
}

func TestCacheBounded(t *testing.T) {
	c := newCache()
	for i := range 3*cacheSize + 1 {
		c.add(c.tag("alice", fmt.Sprint(i)), nil)
		if len(c.tags) > cacheSize {
			t.Fatalf("got %d tags, want at most %d", len(c.tags), cacheSize)
		}
	}
	if c.tag("ab", "c") == c.tag("a", "bc") {
		t.Error("where the name ends is not in the tag")
	}
}

func TestSlotWaitEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	if err := Add(file, "alice", "one"); err != nil {
		t.Fatal(err)
	}
	p, err := NewPassword(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range cap(p.work.slots) {
		p.work.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = p.Authenticate(ctx, nil, server.Login{Name: "alice", Password: "one"})
	refused, _ := errors.AsType[*server.LoginError](err)
	if !errors.Is(err, context.Canceled) || refused == nil || refused.Reason != server.LoginTimeout {
		t.Errorf("got %v, want context.Canceled and no verdict: the password was not looked at", err)
	}
}

// Strangers who keep all slots busy do not keep out who is remembered.
func TestRememberedLoginTakesNoSlot(t *testing.T) {
	alice := &counted{password: "one"}
	table := &table{users: map[string]hash{"alice": alice, "bob": alice}, decoys: []hash{alice}, cache: newCache()}
	work := newWork(1)
	if ok, err := table.verify(t.Context(), work, "alice", "one"); !ok || err != nil {
		t.Fatalf("got %v, %v, want that alice is let in", ok, err)
	}
	work.slots <- struct{}{}
	if ok, err := table.verify(t.Context(), work, "alice", "one"); !ok || err != nil {
		t.Errorf("got %v, %v, want that alice is let in", ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, password := range map[string]string{"alice": "two", "bob": "one", "eve": "one"} {
		if ok, err := table.verify(ctx, work, name, password); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%q: got %v, %v, want that it waits for a slot", name, ok, err)
		}
	}
}

// What is remembered cannot be changed through what was returned.
func TestCacheKeepsGroups(t *testing.T) {
	c := newCache()
	groups := []string{"staff"}
	c.add(c.tag("alice", "one"), groups)
	groups[0] = "admin"
	got, _ := c.get(c.tag("alice", "one"))
	got[0] += " or admin"
	if got, ok := c.get(c.tag("alice", "one")); !ok || len(got) != 1 || got[0] != "staff" {
		t.Errorf("got %q, %v, want staff", got, ok)
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("# c\n\na:$2a$04$CwTycUXWue0Thq9StjUM0uJ8.GnLZ2iWuTLVrZDTt3wsMJg7j5wYS\r\n"), "x")
	f.Add([]byte("a:$6$rounds=1000$abcdefgh$x\nb:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/"), "x\x00")
	f.Add([]byte("a:$5$rounds=1000$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM."), "")
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		table, err := parseTable("users", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "users:") {
				t.Errorf("got %q, want file and line", err)
			}
			return
		}
		for name, h := range table.users {
			if name == "" || len(name) > maxField {
				t.Errorf("got the name %q", name)
			}
			if h, ok := h.(htpasswdHash); ok && len(h.kind) <= len("$6$9999") { // the quick ones: a match must not panic
				h.match(password)
			}
		}
	})
}

func FuzzArgon(f *testing.F) {
	f.Add("$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHQxNmJ5dGVzIQ$Wg9nrlI1wIF/dEqE4nMyiXXBJHFgCIKqjy0AFlwnDoU")
	f.Add("$argon2id$v=19$m=0,t=0,p=0$$")
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseArgon(s)
		if err != nil {
			return
		}
		if h.memory > maxArgonMemory || h.time > maxArgonTime || h.threads > maxArgonThreads || h.threads == 0 || h.time == 0 {
			t.Errorf("got %s, beyond the bounds", h.class())
		}
		if h.String() != s {
			t.Errorf("got %q, want %q", h.String(), s)
		}
	})
}

func TestFileTooLarge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(1<<30), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := NewPassword(file, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v, want that it is too large", err)
	}
}

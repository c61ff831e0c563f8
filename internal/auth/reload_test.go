package auth_test

import (
	"os"
	"testing"
)

// A reload that is prepared changes nothing until it is taken up.
func TestPasswordPrepare(t *testing.T) {
	file := userFile(t, "alice:"+bcryptOf(t, "one")+"\n")
	p := newPassword(t, file)
	if commit, err := p.Prepare(); commit != nil || err != nil {
		t.Errorf("nothing changed: got a commit %v, %v", commit != nil, err)
	}
	if err := os.WriteFile(file, []byte("bob:"+bcryptOf(t, "two")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	commit, err := p.Prepare()
	if commit == nil || err != nil {
		t.Fatalf("got a commit %v, %v", commit != nil, err)
	}
	if !p.Has("alice") || p.Has("bob") {
		t.Error("it was taken up before the commit")
	}
	commit()
	if p.Has("alice") || !p.Has("bob") || p.Has("") {
		t.Error("it was not taken up by the commit")
	}
}

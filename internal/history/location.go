package history

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
)

// Location says where records are kept. The zero Location is not decided.
type Location struct {
	kind string // "sqlite", "postgres", "off"
	path string // of a SQLite file
	url  *url.URL
}

// ErrLocation is what an error of Parse wraps.
var ErrLocation = errors.New(`not a place for records: want sqlite:///path, postgres://user@host/database or off`)

// Parse reads "sqlite:///path", "postgres://user@host/database?sslmode=verify-full",
// "off", or "" for what is not decided. Its errors do not show what it was given,
// which may have a password in it.
func Parse(s string) (Location, error) {
	switch s {
	case "":
		return Location{}, nil
	case "off":
		return Location{kind: "off"}, nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return Location{}, ErrLocation
	case u.Scheme == "sqlite" && u.Host == "" && u.Opaque == "" && len(u.Path) > 1 && u.RawQuery == "" && u.Fragment == "":
		return Location{kind: "sqlite", path: filepath.Clean(filepath.FromSlash(windowsPath(u.Path)))}, nil
	case (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Opaque == "":
		return Location{kind: "postgres", url: u}, nil
	}
	return Location{}, ErrLocation
}

// windowsPath takes the slash away that a URL has before the drive.
func windowsPath(path string) string {
	if runtime.GOOS == "windows" && len(path) > 2 && path[2] == ':' {
		return path[1:]
	}
	return path
}

// AtFile returns the Location of a SQLite file.
func AtFile(path string) Location { return Location{kind: "sqlite", path: path} }

// Decided tells whether l is any place, or none by wish.
func (l Location) Decided() bool { return l.kind != "" }

// Off tells whether nothing is to be kept.
func (l Location) Off() bool { return l.kind == "off" }

// Folder returns the directory in which a store writes, and "" when that is on
// another host or nowhere.
func (l Location) Folder() string {
	if l.kind != "sqlite" {
		return ""
	}
	return filepath.Dir(l.path)
}

// HasPassword tells whether there is a password in l.
func (l Location) HasPassword() bool {
	if l.url == nil {
		return false
	}
	_, inside := l.url.User.Password()
	return inside || l.url.Query().Has("password")
}

// String returns l without a password.
func (l Location) String() string {
	switch l.kind {
	case "sqlite":
		path := filepath.ToSlash(l.path)
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		return (&url.URL{Scheme: "sqlite", Path: path}).String()
	case "postgres":
		u := *l.url
		if u.User != nil {
			u.User = url.User(u.User.Username())
		}
		query := u.Query()
		query.Del("password")
		query.Del("sslpassword")
		u.RawQuery = query.Encode()
		return u.String()
	}
	return l.kind
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Location) UnmarshalText(b []byte) error {
	parsed, err := Parse(string(b))
	*l = parsed
	return err
}

// Open opens the store at l for a [Recorder]. A SQLite file is made if there is
// none; a database is not asked for before Begin.
func (l Location) Open() (Store, error) {
	switch l.kind {
	case "sqlite":
		return openSQLite(l.path, true)
	case "postgres":
		return openPostgres(l)
	}
	return nil, fmt.Errorf("history: %q is no store", l)
}

// Read opens the store at l to be asked: there must be one, with the tables that
// this program knows.
func (l Location) Read(ctx context.Context) (Store, error) {
	switch l.kind {
	case "sqlite":
		s, err := openSQLite(l.path, false)
		if err != nil {
			return nil, err
		}
		return readable(ctx, s)
	case "postgres":
		s, err := openPostgres(l)
		if err != nil {
			return nil, err
		}
		return readable(ctx, s)
	}
	return nil, fmt.Errorf("history: %q is no store", l)
}

// checker is a Store that can tell whether its tables are known.
type checker interface {
	Store
	check(ctx context.Context) error
}

// readable returns s, or closes it and says why it cannot be read.
func readable(ctx context.Context, s checker) (Store, error) {
	if err := s.check(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

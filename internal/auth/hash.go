package auth

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/tg123/go-htpasswd"
	"golang.org/x/crypto/bcrypt"
)

// hash is a password hash of one user.
type hash interface {
	// match tells whether password is the one. It takes the same time when not.
	match(password string) bool
	// class names what the time of match depends on.
	class() string
}

var errHashFormat = errors.New("not a hash that is accepted (argon2id, bcrypt, $6$, $5$ or $apr1$): set the password anew with \"socksctl user passwd\"")

// parseHash reads the part of a line behind the name. Plain text and the
// unsalted and the fast formats of htpasswd ({SHA}, {SSHA}) are refused. Errors
// never show what was read.
func parseHash(s string) (hash, error) {
	switch {
	case strings.HasPrefix(s, argonPrefix):
		return parseArgon(s)
	case strings.HasPrefix(s, "$2a$"), strings.HasPrefix(s, "$2b$"), strings.HasPrefix(s, "$2y$"):
		return parseBcrypt(s)
	case strings.HasPrefix(s, "$5$"), strings.HasPrefix(s, "$6$"):
		return parseCrypt(s)
	case strings.HasPrefix(s, "$apr1$"):
		return parseApr1(s)
	}
	return nil, errHashFormat
}

const (
	maxBcryptCost   = 16      // some seconds
	maxBcryptBytes  = 72      // bcrypt looks at no more
	maxCryptRounds  = 1000000 // some seconds
	minCryptRounds  = 1000
	unmatchedBcrypt = "not a password"
)

type bcryptHash []byte

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`)

func parseBcrypt(s string) (hash, error) {
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil || !bcryptForm.MatchString(s) {
		return nil, errors.New("damaged bcrypt hash")
	}
	if cost > maxBcryptCost {
		return nil, fmt.Errorf("bcrypt hash of cost %d: %d is the most that is accepted", cost, maxBcryptCost)
	}
	return bcryptHash(s), nil
}

// match takes a password with a NUL, or of over 72 bytes, as wrong: bcrypt
// would ignore what follows.
func (h bcryptHash) match(password string) bool {
	whole := len(password) <= maxBcryptBytes && !strings.Contains(password, "\x00")
	if !whole {
		password = unmatchedBcrypt
	}
	return bcrypt.CompareHashAndPassword(h, []byte(password)) == nil && whole
}

func (h bcryptHash) class() string { return "bcrypt " + string(h[4:6]) }

// htpasswdHash is one of the formats that go-htpasswd verifies. It takes nearly
// anything at parse and panics later: the forms below are checked before it sees
// them.
type htpasswdHash struct {
	htpasswd.EncodedPasswd
	kind string
}

func (h htpasswdHash) match(password string) bool { return h.MatchesPassword(password) }
func (h htpasswdHash) class() string              { return h.kind }

var (
	cryptForm = regexp.MustCompile(`^(\$[56]\$)(?:rounds=([1-9][0-9]{0,8})\$)?[^$:\s]{1,16}\$([./A-Za-z0-9]+)$`)
	apr1Form  = regexp.MustCompile(`^\$apr1\$[^$:\s]{1,8}\$[./A-Za-z0-9]{22}$`)
)

func parseCrypt(s string) (hash, error) {
	m := cryptForm.FindStringSubmatch(s)
	if m == nil || len(m[3]) != map[string]int{"$5$": 43, "$6$": 86}[m[1]] {
		return nil, fmt.Errorf("damaged %.3s hash", s)
	}
	if m[2] != "" {
		rounds, err := strconv.Atoi(m[2])
		if err != nil || rounds < minCryptRounds || rounds > maxCryptRounds {
			return nil, fmt.Errorf("%s hash of %s rounds: want %d to %d", m[1], m[2], minCryptRounds, maxCryptRounds)
		}
	}
	return fromHtpasswd(htpasswd.AcceptCryptSha, s, m[1]+m[2])
}

func parseApr1(s string) (hash, error) {
	if !apr1Form.MatchString(s) {
		return nil, errors.New("damaged $apr1$ hash")
	}
	return fromHtpasswd(htpasswd.AcceptMd5, s, "$apr1$")
}

func fromHtpasswd(parse htpasswd.PasswdParser, s, kind string) (hash, error) {
	encoded, err := parse(s)
	if err != nil || encoded == nil {
		return nil, fmt.Errorf("damaged %s hash", kind) // not err: it shows the hash
	}
	return htpasswdHash{encoded, kind}, nil
}

package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
)

const argonPrefix = "$argon2id$"

// Of the hashes that are made here; what is read may cost up to the bounds
// below, so that a file cannot exhaust the memory of the server.
const (
	argonMemory  = 19456 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16
	argonKey     = 32

	maxArgonMemory  = 256 << 10 // KiB
	maxArgonTime    = 16
	maxArgonThreads = 16
	maxArgonBytes   = 64 // of salt, and of key
)

// argonHash is an argon2id hash, written as a PHC string.
type argonHash struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

// newArgon hashes password with a fresh salt.
func newArgon(password string) *argonHash {
	h := &argonHash{memory: argonMemory, time: argonTime, threads: argonThreads, salt: make([]byte, argonSalt)}
	rand.Read(h.salt) // never fails
	h.key = h.derive(password, argonKey)
	return h
}

func (h *argonHash) derive(password string, size int) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(size))
}

func (h *argonHash) match(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, len(h.key)), h.key) == 1
}

func (h *argonHash) class() string {
	return fmt.Sprintf("argon2id m=%d,t=%d,p=%d", h.memory, h.time, h.threads)
}

// String returns the PHC string.
func (h *argonHash) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d$%s$%s", argonPrefix, argon2.Version, h.memory, h.time, h.threads, b64(h.salt), b64(h.key))
}

var argonForm = regexp.MustCompile(`^\$argon2id\$v=19\$m=([1-9][0-9]{0,8}),t=([1-9][0-9]{0,8}),p=([1-9][0-9]{0,8})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$`)

func parseArgon(s string) (*argonHash, error) {
	m := argonForm.FindStringSubmatch(s)
	if m == nil {
		return nil, errors.New("damaged argon2id hash: want $argon2id$v=19$m=...,t=...,p=...$salt$hash")
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits, by the form
	memory, time, threads := number(m[1]), number(m[2]), number(m[3])
	if memory > maxArgonMemory || time > maxArgonTime || threads > maxArgonThreads || memory < 8*threads {
		return nil, fmt.Errorf("argon2id hash with m=%d,t=%d,p=%d: at most m=%d,t=%d,p=%d are accepted, and m is at least 8p",
			memory, time, threads, maxArgonMemory, maxArgonTime, maxArgonThreads)
	}
	h := &argonHash{memory: uint32(memory), time: uint32(time), threads: uint8(threads)}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(m[4])
	h.key, keyErr = base64.RawStdEncoding.Strict().DecodeString(m[5])
	if saltErr != nil || keyErr != nil || len(h.salt) < 8 || len(h.key) < 16 || len(h.salt) > maxArgonBytes || len(h.key) > maxArgonBytes {
		return nil, fmt.Errorf("damaged argon2id hash: want a salt of 8 to %d bytes and a hash of 16 to %d", maxArgonBytes, maxArgonBytes)
	}
	return h, nil
}

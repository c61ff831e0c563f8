package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	cacheTime = time.Minute
	cacheSize = 1024
)

// cache remembers logins that were right, with the groups of the user, for a
// client that makes many connections. What it holds are tags under a key of its
// own: no passwords, and nothing that one can be guessed from without the key.
type cache struct {
	key []byte

	mu   sync.Mutex
	tags map[tag]remembered
}

// remembered is a right login.
type remembered struct {
	until  time.Time
	groups []string
}

type tag [sha256.Size]byte

func newCache() *cache {
	c := &cache{key: make([]byte, sha256.Size), tags: make(map[tag]remembered)}
	rand.Read(c.key) // never fails
	return c
}

func (c *cache) tag(name, password string) tag {
	mac := hmac.New(sha256.New, c.key)
	mac.Write(binary.BigEndian.AppendUint32(nil, uint32(len(name))))
	mac.Write([]byte(name))
	mac.Write([]byte(password))
	return tag(mac.Sum(nil))
}

// get returns the groups that came with t, and whether t is remembered.
func (c *cache) get(t tag) (groups []string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.tags[t]
	return slices.Clone(v.groups), time.Now().Before(v.until)
}

// add remembers t. A full cache first loses what is over, and else everything.
func (c *cache) add(t tag, groups []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(c.tags) >= cacheSize {
		maps.DeleteFunc(c.tags, func(_ tag, v remembered) bool { return !now.Before(v.until) })
	}
	if len(c.tags) >= cacheSize {
		clear(c.tags)
	}
	c.tags[t] = remembered{now.Add(cacheTime), slices.Clone(groups)}
}

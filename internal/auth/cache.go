package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	cacheTime = time.Minute
	cacheSize = 1024
)

// cache remembers logins that were right, for a client that makes many
// connections. What it holds are tags under a key of its own: no passwords, and
// nothing that one can be guessed from without the key.
type cache struct {
	key []byte

	mu   sync.Mutex
	tags map[tag]time.Time // until when
}

type tag [sha256.Size]byte

func newCache() *cache {
	c := &cache{key: make([]byte, sha256.Size), tags: make(map[tag]time.Time)}
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

func (c *cache) has(t tag) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Before(c.tags[t])
}

// add remembers t. A full cache first loses what is over, and else everything.
func (c *cache) add(t tag) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if len(c.tags) >= cacheSize {
		for old, until := range c.tags {
			if !now.Before(until) {
				delete(c.tags, old)
			}
		}
	}
	if len(c.tags) >= cacheSize {
		clear(c.tags)
	}
	c.tags[t] = now.Add(cacheTime)
}

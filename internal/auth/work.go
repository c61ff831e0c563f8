package auth

import (
	"context"
	"hash/maphash"
	"math/bits"
)

// work is what logins by hash cost: so many hashes at a time, and one for each
// login, whether there is such a user or not.
type work struct {
	slots chan struct{}
	seed  maphash.Seed
}

func newWork(slots int) *work {
	return &work{slots: make(chan struct{}, slots), seed: maphash.MakeSeed()}
}

// match tells whether h is of password, once there is a slot for it.
func (w *work) match(ctx context.Context, h hash, password string) (bool, error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
		return h.match(password), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// decoy returns which of hashes, one for each user and those of a class
// together, is worked on for a user who does not exist. The name chooses it, by a
// key that nobody has: each class comes as often as it does among the users, and
// always the same one for the same name. So the time of a refusal does not tell
// who exists, in a file of many classes either.
func (w *work) decoy(hashes []hash, name string) hash {
	at, _ := bits.Mul64(maphash.String(w.seed, name), uint64(len(hashes)))
	return hashes[at]
}

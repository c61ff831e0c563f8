package acme

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// challenges is what authorities have asked to be shown, by domain. It is in the
// storage, for whichever server of several is asked. It is an acmez.Solver.
type challenges struct {
	storage certmagic.Storage
	prefix  string
}

var _ acmez.Solver = challenges{}

func (c challenges) key(domain string) string {
	return path.Join(c.prefix, certmagic.StorageKeys.Safe(domain)+".json")
}

// Present has a challenge answered.
func (c challenges) Present(ctx context.Context, challenge acme.Challenge) error {
	b, err := json.Marshal(challenge)
	if err != nil {
		return err
	}
	return c.storage.Store(ctx, c.key(challenge.Identifier.Value), b)
}

// CleanUp has it answered no longer.
func (c challenges) CleanUp(ctx context.Context, challenge acme.Challenge) error {
	return c.storage.Delete(context.WithoutCancel(ctx), c.key(challenge.Identifier.Value))
}

// answer returns the certificate that answers the challenge of a domain.
func (c challenges) answer(ctx context.Context, domain string) (*tls.Certificate, error) {
	b, err := c.storage.Load(ctx, c.key(domain))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("asked for the name %q, and no certificate of it is on its way", domain)
	}
	if err != nil {
		return nil, err
	}
	var challenge acme.Challenge
	if err := json.Unmarshal(b, &challenge); err != nil {
		return nil, fmt.Errorf("challenge of %s: %w", domain, err)
	}
	return acmez.TLSALPN01ChallengeCert(challenge)
}

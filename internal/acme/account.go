package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// accounts is our accounts with one authority: one for each address that we gave it.
type accounts struct {
	client  *acme.Client
	storage certmagic.Storage
	email   string
	prefix  string
}

// folder is where the account in use is kept.
func (a accounts) folder() string {
	name := a.email
	if name == "" {
		name = "default"
	}
	return path.Join(a.prefix, certmagic.StorageKeys.Safe(name))
}

func (a accounts) keyFile() string { return path.Join(a.folder(), "account.key") }
func (a accounts) file() string    { return path.Join(a.folder(), "account.json") }

// get returns our account, which is made the first time.
func (a accounts) get(ctx context.Context) (acme.Account, error) {
	account, err := a.stored(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return account, err
	}
	if err := a.storage.Lock(ctx, a.folder()); err != nil {
		return account, err
	}
	defer func() { _ = a.storage.Unlock(context.WithoutCancel(ctx), a.folder()) }() // goes stale by itself
	account, err = a.stored(ctx)                                                    // another server may have made it
	if !errors.Is(err, fs.ErrNotExist) {
		return account, err
	}
	return a.register(ctx)
}

// stored returns the account that is in the storage.
func (a accounts) stored(ctx context.Context) (account acme.Account, err error) {
	b, err := a.storage.Load(ctx, a.file())
	if err != nil {
		return account, err
	}
	if err := json.Unmarshal(b, &account); err != nil {
		return account, fmt.Errorf("account in %s: %w", a.file(), err)
	}
	if b, err = a.storage.Load(ctx, a.keyFile()); err != nil {
		return account, err
	}
	if account.PrivateKey, err = certmagic.PEMDecodePrivateKey(b); err != nil {
		return account, fmt.Errorf("account key %s cannot be used", a.keyFile()) // an error may show a part of it
	}
	return account, nil
}

// register makes an account, and keeps it. That its terms are agreed to, the
// operator has said: there is no Config without.
func (a accounts) register(ctx context.Context) (account acme.Account, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return account, err
	}
	account = acme.Account{PrivateKey: key, TermsOfServiceAgreed: true}
	if a.email != "" {
		account.Contact = []string{"mailto:" + a.email}
	}
	if account, err = a.client.NewAccount(ctx, account); err != nil {
		return account, fmt.Errorf("register an account: %w", err)
	}
	keyPEM, err := certmagic.PEMEncodePrivateKey(key)
	if err != nil {
		return account, err
	}
	b, err := json.Marshal(account)
	if err != nil {
		return account, err
	}
	return account, errors.Join(a.storage.Store(ctx, a.keyFile(), keyPEM), a.storage.Store(ctx, a.file(), b))
}

// forget drops the account in the storage.
func (a accounts) forget(ctx context.Context) error { return a.storage.Delete(ctx, a.folder()) }

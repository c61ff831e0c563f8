package acme

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// How long it takes until a certificate that could not be had is asked for again: as
// long as this at first, and twice as long each time, so that an authority that
// counts failures is not used up by them.
const (
	firstRetry = time.Minute
	lastRetry  = time.Hour
)

// load takes up the certificate of a domain, if there is one.
func (m *Manager) load(domain string) error {
	_, err := m.config.CacheManagedCertificate(context.Background(), domain)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Run obtains the certificates that are missing, and renews all before they end,
// until ctx ends. It is called once.
func (m *Manager) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, domain := range m.domains {
		running.Go(func() { m.obtain(ctx, domain) }) // ends when it is there, or with ctx
	}
	for ctx.Err() == nil {
		again := m.next()
		m.renew(ctx)
		select {
		case <-again:
		case <-ctx.Done():
		}
	}
	running.Wait()
	m.cache.Stop()
	certmagic.CleanUpOwnLocks(context.WithoutCancel(ctx), m.zap)
	return nil
}

// Renew has Run try at once what it has not got, and what is due.
func (m *Manager) Renew() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.again)
	m.again = make(chan struct{})
}

// next is closed by the Renew that comes next.
func (m *Manager) next() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.again
}

// obtain gets the certificate of a domain. From then on the cache renews it.
func (m *Manager) obtain(ctx context.Context, domain string) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		again := m.next()
		m.note(domain, nil)
		err := m.config.ManageSync(ctx, []string{domain})
		if err == nil || ctx.Err() != nil {
			return
		}
		if cause := m.lastOf(domain); cause != nil {
			err = cause // without all that certmagic says around it
		}
		m.note(domain, err)
		m.log.Error("acme: no certificate", "domain", domain, "err", err, "again", wait)
		select {
		case <-ctx.Done():
			return
		case <-again:
			wait = firstRetry / 2
		case <-time.After(wait):
		}
	}
}

// renew renews what is due, whatever was tried of late. The cache does so by itself,
// and waits for longer after each failure.
func (m *Manager) renew(ctx context.Context) {
	for _, domain := range m.domains {
		cert, ok := m.current(domain)
		if !ok || !cert.NeedsRenewal(m.config) {
			continue
		}
		if err := m.replace(ctx, domain, cert); err != nil && ctx.Err() == nil {
			m.log.Error("acme: not renewed", "domain", domain, "err", err)
		}
	}
}

// replace renews a certificate, unless another server has, and takes up what is in
// the storage then.
func (m *Manager) replace(ctx context.Context, domain string, old certmagic.Certificate) error {
	if err := m.config.RenewCertSync(ctx, domain, false); err != nil {
		return err
	}
	now, err := m.config.CacheManagedCertificate(ctx, domain)
	if err == nil && now.Hash() != old.Hash() {
		m.cache.Remove([]string{old.Hash()})
	}
	return err
}

// note remembers how it went last with a domain.
func (m *Manager) note(domain string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong[domain] = err
}

// lastOf returns what went wrong last with a domain.
func (m *Manager) lastOf(domain string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wrong[domain]
}

// happened is told what comes of requests to the authority.
func (m *Manager) happened(_ context.Context, event string, data map[string]any) error {
	domain, _ := data["identifier"].(string)
	switch event {
	case "cert_failed":
		err, _ := data["error"].(error)
		m.note(domain, err)
	case "cert_obtained":
		m.note(domain, nil)
		m.log.Info("acme: certificate obtained", "domain", domain, "renewal", data["renewal"])
	}
	return nil
}

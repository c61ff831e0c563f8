package client

import (
	"context"
	"time"
)

// Attempt is what a caller that has several proxies for one thing says of a
// single try, and wants to know of it.
type Attempt struct {
	// By is until when the proxy has to be reached and logged in to, should the
	// Dialer's Timeout end later. The wait for a reply is not bounded by it.
	By time.Time
	// Reached is called when the proxy is reached, TLS included, with the time
	// that this took; the login may follow. It may be called more than once, and
	// is not called when a warm connection served: the proxy was reached before.
	Reached func(took time.Duration)
}

type attemptKey struct{}

// WithAttempt returns a context for one call of a [Dialer]'s. What that dials by
// its Forward is not told of a.
func WithAttempt(ctx context.Context, a Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, a)
}

// attemptOf returns the Attempt that ctx is for, or the zero Attempt.
func attemptOf(ctx context.Context) Attempt {
	a, _ := ctx.Value(attemptKey{}).(Attempt)
	return a
}

// deadline returns until when the proxy has to be reached and logged in to.
func (d *Dialer) deadline(ctx context.Context) time.Time {
	latest := time.Now().Add(d.timeout())
	if by := attemptOf(ctx).By; !by.IsZero() && by.Before(latest) {
		return by
	}
	return latest
}

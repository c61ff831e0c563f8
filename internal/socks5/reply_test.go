package socks5_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/socksctl/socksctl/internal/socks5"
)

// Conformance 36 to 40.
func TestReplyFor(t *testing.T) {
	dial := func(errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
	}
	for _, c := range []struct {
		err  error
		want socks5.Reply
	}{
		{nil, socks5.Succeeded},
		{io.EOF, socks5.GeneralFailure},
		{dial(syscall.EPERM), socks5.NotAllowed},
		{dial(syscall.EACCES), socks5.NotAllowed},
		{dial(syscall.ENETUNREACH), socks5.NetworkUnreachable},
		{dial(syscall.ENETDOWN), socks5.NetworkUnreachable},
		{dial(syscall.EHOSTUNREACH), socks5.HostUnreachable},
		{dial(syscall.EHOSTDOWN), socks5.HostUnreachable},
		{dial(syscall.ECONNREFUSED), socks5.ConnectionRefused},
		{dial(syscall.ECONNRESET), socks5.ConnectionRefused},
		{dial(syscall.EADDRNOTAVAIL), socks5.ConnectionRefused},
		{dial(syscall.ETIMEDOUT), socks5.TTLExpired},
		{dial(syscall.EMFILE), socks5.GeneralFailure},
		{context.DeadlineExceeded, socks5.TTLExpired},
		{os.ErrDeadlineExceeded, socks5.TTLExpired},
		{&net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}, socks5.TTLExpired},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, socks5.HostUnreachable},
		{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, socks5.HostUnreachable},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}}, socks5.HostUnreachable},
		{fs.ErrPermission, socks5.NotAllowed},
		{fmt.Errorf("rule 3: %w", fs.ErrPermission), socks5.NotAllowed},
		{errors.ErrUnsupported, socks5.CommandNotSupported},
		{socks5.ErrAddressType, socks5.AddressTypeNotSupported},
		{fmt.Errorf("proxy: %w", &net.OpError{Op: "dial", Err: socks5.ConnectionRefused}), socks5.ConnectionRefused},
		{errors.Join(socks5.NetworkUnreachable, dial(syscall.ECONNREFUSED)), socks5.NetworkUnreachable},
		{socks5.Reply(0x2a), socks5.Reply(0x2a)},
	} {
		if got := socks5.ReplyFor(c.err); got != c.want {
			t.Errorf("ReplyFor(%v): got %#02x, want %#02x", c.err, byte(got), byte(c.want))
		}
		if c.err != nil {
			if got := socks5.ReplyFor(fmt.Errorf("connect to x: %w", c.err)); got != c.want {
				t.Errorf("ReplyFor(%v), wrapped: got %#02x, want %#02x", c.err, byte(got), byte(c.want))
			}
		}
	}
}

func TestReplyIs(t *testing.T) {
	targets := []error{
		fs.ErrPermission, syscall.EACCES, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ECONNREFUSED,
		syscall.ETIMEDOUT, os.ErrDeadlineExceeded, errors.ErrUnsupported, syscall.EAFNOSUPPORT, syscall.EMFILE, io.EOF,
	}
	want := map[socks5.Reply][]error{
		socks5.NotAllowed:              {fs.ErrPermission, syscall.EACCES},
		socks5.NetworkUnreachable:      {syscall.ENETUNREACH},
		socks5.HostUnreachable:         {syscall.EHOSTUNREACH},
		socks5.ConnectionRefused:       {syscall.ECONNREFUSED},
		socks5.TTLExpired:              {syscall.ETIMEDOUT, os.ErrDeadlineExceeded},
		socks5.CommandNotSupported:     {errors.ErrUnsupported},
		socks5.AddressTypeNotSupported: {syscall.EAFNOSUPPORT},
	}
	for b := range 256 {
		r := socks5.Reply(b)
		is := map[error]bool{}
		for _, target := range want[r] {
			is[target] = true
		}
		for _, target := range targets {
			if got := errors.Is(fmt.Errorf("connect: %w", r), target); got != is[target] {
				t.Errorf("Reply %#02x is %v: got %v, want %v", b, target, got, is[target])
			}
		}
		if got := r.Timeout(); got != (r == socks5.TTLExpired) {
			t.Errorf("Reply %#02x is a timeout: got %v", b, got)
		}
		if known := b <= 8; strings.Contains(r.Error(), "unassigned") == known {
			t.Errorf("Reply %#02x: got %q", b, r.Error())
		}
	}
}

//go:build !linux

package owner_test

import (
	"errors"
	"testing"

	"github.com/socksctl/socksctl/internal/owner"
)

func TestOtherSystemsSaySo(t *testing.T) {
	if _, err := owner.NewGate(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want %v", err, errors.ErrUnsupported)
	}
}

package sockstest

import "testing"

func UDP() []Statement { return nil }
func TLS() []Statement { return nil }

var _ testing.TB

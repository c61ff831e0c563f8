package certs

import (
	"crypto/tls"
	"fmt"
)

// baseConfig is what both ends have in common. The curves are left to
// crypto/tls, and with them X25519MLKEM768.
func baseConfig(minVersion uint16) (*tls.Config, error) {
	switch minVersion {
	case 0:
		minVersion = tls.VersionTLS12
	case tls.VersionTLS12, tls.VersionTLS13:
	default:
		return nil, fmt.Errorf("minimum version %s: want TLS 1.2 or TLS 1.3", tls.VersionName(minVersion))
	}
	return &tls.Config{MinVersion: minVersion, CipherSuites: suites12()}, nil
}

// suites12 is the suites of TLS 1.2 with forward secrecy and AEAD. Those of TLS
// 1.3 all have both, and cannot be chosen.
func suites12() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// ParseVersion reads "1.2" or "TLS12", "1.3" or "TLS13"; "" is TLS 1.2.
func ParseVersion(s string) (uint16, error) {
	switch s {
	case "", "1.2", "TLS12":
		return tls.VersionTLS12, nil
	case "1.3", "TLS13":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("TLS version %q: want 1.2 (TLS12) or 1.3 (TLS13)", s)
}

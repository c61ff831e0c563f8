package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"path"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// httpLimit bounds one request to the authority.
const httpLimit = 30 * time.Second

// issuer is one authority, as certmagic asks it. certmagic has one of its own, which
// would open a listener for challenges wherever it can.
type issuer struct {
	client     *acmez.Client
	accounts   accounts
	challenges challenges
}

var (
	_ certmagic.Issuer            = (*issuer)(nil)
	_ certmagic.RenewalInfoGetter = (*issuer)(nil)
)

func newIssuer(c Config, storage certmagic.Storage) *issuer {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: c.Roots}
	client := &acme.Client{
		Directory: c.Directory, UserAgent: "socksctl",
		HTTPClient: &http.Client{Transport: transport, Timeout: httpLimit},
	}
	i := &issuer{client: &acmez.Client{Client: client}}
	prefix := path.Join("acme", i.IssuerKey())
	i.accounts = accounts{client: client, storage: storage, email: c.Email, prefix: path.Join(prefix, "users")}
	i.challenges = challenges{storage: storage, prefix: path.Join(prefix, "challenges")}
	i.client.ChallengeSolvers = map[string]acmez.Solver{acme.ChallengeTypeTLSALPN01: i.challenges}
	return i
}

// IssuerKey returns the authority's name in the storage.
func (i *issuer) IssuerKey() string {
	return (&certmagic.ACMEIssuer{CA: i.client.Directory}).IssuerKey()
}

// Issue has the authority sign csr. An authority that has forgotten our account gets
// a new one.
func (i *issuer) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	defer i.client.HTTPClient.CloseIdleConnections() // it is months until the next
	issued, err := i.order(ctx, csr)
	var problem acme.Problem
	if errors.As(err, &problem) && problem.Type == acme.ProblemTypeAccountDoesNotExist {
		if err := i.accounts.forget(ctx); err != nil {
			return nil, err
		}
		return i.order(ctx, csr)
	}
	return issued, err
}

func (i *issuer) order(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	account, err := i.accounts.get(ctx)
	if err != nil {
		return nil, err
	}
	params, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return nil, err
	}
	chains, err := i.client.ObtainCertificate(ctx, params)
	if err != nil {
		return nil, err
	}
	if len(chains) == 0 {
		return nil, errors.New("the authority sent no certificate")
	}
	return &certmagic.IssuedCertificate{Certificate: chains[0].ChainPEM, Metadata: chains[0]}, nil
}

// GetRenewalInfo returns when the authority wants a certificate renewed (RFC 9773).
func (i *issuer) GetRenewalInfo(ctx context.Context, cert certmagic.Certificate) (acme.RenewalInfo, error) {
	defer i.client.HTTPClient.CloseIdleConnections()
	return i.client.GetRenewalInfo(ctx, cert.Leaf)
}

// Package certs is the certificates of a private network: a small CA, the
// loading and reloading of what it issued, and the *tls.Config of both ends.
//
// [NewCA] makes a CA, [CA.Server] and [CA.Client] issue from it, and
// [CA.Revoke] takes back. [NewServer] and [NewClient] read the files, or take
// what is in memory, and give a *tls.Config that follows [Server.Reload] and
// [Server.Watch] while it is in use: connections that are open live on, new
// ones and resumed ones are judged by what is in force. A file that cannot be
// used leaves the one before in force. [Server.Verify] holds an open connection
// against it.
//
// TLS 1.2 with AEAD suites and forward secrecy, and TLS 1.3, are spoken;
// nothing older. [Reason] sorts failures, [Explain] turns an alert of the far
// end into a sentence, and [PeerIdentity] says who a certificate is for.
package certs

package admin

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const loginPath = "/login"

// loginLasts is how long a browser may see the page without the token again.
const loginLasts = 12 * time.Hour

// login takes the token from a form, and gives the browser a cookie for it. The
// cookie is for the page and for nothing else: a browser sends it to every port of
// the host, whoever listens there.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		s.refused(r, err)
		refuse(w, http.StatusForbidden, errOrigin)
		return
	}
	if token := s.token(); token == "" || !sameToken(r.PostFormValue("token"), token) {
		s.refused(r, errToken)
		s.askToken(w, "That is not the token.")
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // a Secure one would not come back: this is no TLS
		Name: cookieName(r), Value: s.ticket(time.Now().Add(loginLasts)), Path: pagePath,
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	http.Redirect(w, r, pagePath, http.StatusSeeOther)
}

// askToken answers with the form that login reads, and what was wrong.
func (s *Server) askToken(w http.ResponseWriter, wrong string) {
	var text bytes.Buffer
	if err := s.pages.Login(&text, wrong); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	pageHead(w, "text/html; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = w.Write(text.Bytes()) // a client that has gone has no use for it
}

// isPage tells whether r is a browser's that has no page yet, and may be asked for
// the token.
func (s *Server) isPage(r *http.Request) bool {
	return s.hasPage() && r.URL.Path == pagePath && isRead(r) && r.Header.Get("Authorization") == ""
}

// signedIn tells whether r has a cookie that is good.
func (s *Server) signedIn(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return false
	}
	until, _, _ := strings.Cut(cookie.Value, ".")
	end, err := strconv.ParseInt(until, 10, 64)
	return err == nil && time.Now().Unix() < end && sameToken(cookie.Value, s.ticket(time.Unix(end, 0)))
}

// ticket returns the value of a cookie: until when it is good, and the proof that
// this process made it for the token of the moment. The key is of this process, so
// that who has a cookie cannot try tokens on it.
func (s *Server) ticket(until time.Time) string {
	proof := hmac.New(sha256.New, s.key[:])
	text := strconv.FormatInt(until.Unix(), 10)
	fmt.Fprintf(proof, "%s\n%s", text, s.token())
	return text + "." + base64.RawURLEncoding.EncodeToString(proof.Sum(nil))
}

// cookieName tells services on one host apart, whose ports share their cookies.
func cookieName(r *http.Request) string {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if tcp, ok := local.(*net.TCPAddr); ok {
		return "socksctl_" + strconv.Itoa(tcp.Port)
	}
	return "socksctl"
}

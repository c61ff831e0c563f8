package admin

import (
	"encoding/json"
	"net/http"
)

// problem is the answer to what was not done.
type problem struct {
	Error string `json:"error"`
}

// refuse writes why something was not done.
func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, problem{err.Error()})
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	head(w, "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has gone has no use for it
}

// head says what kind of answer comes, which nobody is to keep.
func head(w http.ResponseWriter, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

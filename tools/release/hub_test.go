package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
)

// hub answers what goreleaser asks of GitHub, and keeps what it is given.
type hub struct {
	url string

	mu     sync.Mutex
	notes  string            // of the release
	public bool              // it is a draft no more
	assets map[string]string // the checksum of each of its files
	files  map[string]string // in other repositories, by "TOKEN REPOSITORY PATH"
	pulls  []string          // "TOKEN REPOSITORY HEAD"
}

// newHub starts one, which stays until the tests end.
func newHub() *hub {
	h := &hub{assets: make(map[string]string), files: make(map[string]string)}
	mux := http.NewServeMux()
	const api, own = "/api/v3", "/repos/socksctl/socksctl/releases"
	mux.HandleFunc("GET "+api+"/rate_limit", says(`{"resources": {"core": {"limit": 5000, "remaining": 5000}}}`))
	mux.HandleFunc("GET "+api+"/repos/{owner}/{name}", says(`{"default_branch": "main"}`))
	mux.HandleFunc("GET "+api+"/repos/{owner}/{name}/git/ref/heads/main", says(`{"ref": "refs/heads/main", "object": {"sha": "0"}}`))
	mux.HandleFunc("POST "+api+"/repos/{owner}/{name}/git/refs", says(`{}`))
	mux.HandleFunc("POST "+api+"/repos/{owner}/{name}/merge-upstream", says(`{}`))
	mux.HandleFunc("POST "+api+own, h.edit)
	mux.HandleFunc("PATCH "+api+own+"/1", h.edit)
	mux.HandleFunc("POST /api/uploads"+own+"/1/assets", h.upload)
	mux.HandleFunc("PUT "+api+"/repos/{owner}/{name}/contents/{path...}", h.write)
	mux.HandleFunc("POST "+api+"/repos/{owner}/{name}/pulls", h.pull)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		says(`{"message": "Not Found"}`)(w, nil)
	})
	h.url = httptest.NewServer(mux).URL
	return h
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func token(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// edit makes the release, or changes it.
func (h *hub) edit(w http.ResponseWriter, r *http.Request) {
	var release struct {
		Body  *string
		Draft *bool
	}
	if err := json.NewDecoder(r.Body).Decode(&release); err != nil || token(r) != "of-github" {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if release.Body != nil {
		h.notes = *release.Body
	}
	h.public = release.Draft != nil && !*release.Draft
	says(`{"id": 1}`)(w, r)
}

func (h *hub) upload(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.assets[r.URL.Query().Get("name")] = hex.EncodeToString(hash.Sum(nil))
	says(`{"id": 1}`)(w, r)
}

func (h *hub) write(w http.ResponseWriter, r *http.Request) {
	var file struct{ Content []byte }
	if err := json.NewDecoder(r.Body).Decode(&file); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[token(r)+" "+r.PathValue("name")+" "+r.PathValue("path")] = string(file.Content)
	says(`{}`)(w, r)
}

func (h *hub) pull(w http.ResponseWriter, r *http.Request) {
	var pull struct{ Head string }
	if err := json.NewDecoder(r.Body).Decode(&pull); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pulls = append(h.pulls, token(r)+" "+r.PathValue("owner")+"/"+r.PathValue("name")+" "+pull.Head)
	says(`{}`)(w, r)
}

package admin

import "net/http"

const (
	healthPath = "/healthz"
	reloadPath = "/api/v1/reload"
)

// Result is what became of a reload.
type Result struct {
	Reloaded []string `json:"reloaded"`                // what had changed, and is in force now
	Ended    int      `json:"ended"`                   // sessions that are not allowed any more
	Restart  []string `json:"needs_restart,omitempty"` // keys of the configuration that a restart takes up
	Error    string   `json:"error,omitempty"`         // what could not be used, and stays as it was
}

func health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *Server) reload(w http.ResponseWriter, r *http.Request) {
	result, err := s.Reload(r.Context())
	status := http.StatusOK
	if err != nil {
		status, result.Error = http.StatusUnprocessableEntity, err.Error()
	}
	if result.Reloaded == nil {
		result.Reloaded = []string{} // a list in JSON, too
	}
	answer(w, status, result)
}

package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"time"
)

const pprofPath = "/debug/pprof/"

const (
	sampleTime    = 10 * time.Second // of a profile or a trace, where none is given
	sampleTimeMax = writeTimeout - 10*time.Second
)

var (
	errPprofPlace = errors.New("profiles are to be had on the unix socket only")
	errSeconds    = fmt.Errorf("seconds: want a number from 1 to %d", sampleTimeMax/time.Second)
)

// routePprof adds the profiles of the runtime, in the form and at the places that
// go tool pprof knows. They tell of what is in memory: only the owner gets them.
func (s *Server) routePprof(mux *http.ServeMux) {
	if !s.Pprof {
		return
	}
	mux.HandleFunc("GET "+pprofPath+"profile", owned(sampled(pprof.StartCPUProfile, pprof.StopCPUProfile)))
	mux.HandleFunc("GET "+pprofPath+"trace", owned(sampled(trace.Start, trace.Stop)))
	locks := new(contention)
	mux.HandleFunc("GET "+pprofPath+"mutex", owned(sampled(locks.start, locks.stop)))
	mux.HandleFunc("GET "+pprofPath+"{name}", owned(profile))
}

// owned keeps a handler for unix sockets.
func owned(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if _, ok := local.(*net.UnixAddr); !ok {
			refuse(w, http.StatusForbidden, errPprofPlace)
			return
		}
		next(w, r)
	}
}

// sampled returns a handler for what takes some time.
func sampled(start func(io.Writer) error, stop func()) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		took, err := seconds(r.FormValue("seconds"))
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		if err := start(w); err != nil { // nothing is written by then
			refuse(w, http.StatusConflict, err)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), took)
		defer cancel()
		<-ctx.Done()
		stop()
	}
}

// seconds reads for how long to take samples.
func seconds(text string) (time.Duration, error) {
	if text == "" {
		return sampleTime, nil
	}
	n, err := strconv.Atoi(text)
	took := time.Duration(n) * time.Second
	if err != nil || n < 1 || took > sampleTimeMax {
		return 0, errSeconds
	}
	return took, nil
}

// profile answers with what the runtime keeps all the time.
func profile(w http.ResponseWriter, r *http.Request) {
	p := pprof.Lookup(r.PathValue("name"))
	if p == nil {
		http.NotFound(w, r)
		return
	}
	if p.Name() == "heap" && r.FormValue("gc") != "" {
		runtime.GC()
	}
	debug, _ := strconv.Atoi(r.FormValue("debug")) // 0 is the form for programs
	kind := "application/octet-stream"
	if debug != 0 {
		kind = "text/plain; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	_ = p.WriteTo(w, debug) // a client that has gone has no use for it
}

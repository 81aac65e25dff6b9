// Package gatehttp answers 503 until the gate has been open: a handler around a service's own.
//
// It is a package of its own so that who only waits does not link net/http.
package gatehttp

import (
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

const body = "not ready\n"

// A Gate tells whether it is open: *readygate.Gate does.
type Gate interface{ IsOpen() bool }

// Options of Handler. The zero value lets everything pass after the first `open`.
type Options struct {
	Strict bool     // follow the gate with each request
	Exempt []string // paths that always pass, compared as they are: a liveness probe's, say
}

// Handler serves with next once the gate has been open in this process. Until then it answers 503 with
// Retry-After. After that everything passes, so that a request in flight during a shutdown is not refused;
// Strict follows the gate.
func Handler(gate Gate, options Options, next http.Handler) http.Handler {
	exempt := make(map[string]bool, len(options.Exempt))
	for _, path := range options.Exempt {
		exempt[path] = true
	}
	var opened atomic.Bool
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if opened.Load() {
			next.ServeHTTP(answer, request)
			return
		}
		open := gate.IsOpen()
		if open && !options.Strict {
			opened.Store(true)
		}
		if open || exempt[request.URL.Path] {
			next.ServeHTTP(answer, request)
			return
		}
		head := answer.Header()
		head.Set("Content-Type", "text/plain; charset=utf-8")
		head.Set("Content-Length", strconv.Itoa(len(body)))
		head.Set("Retry-After", "1") // s
		head.Set("Cache-Control", "no-store")
		answer.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(answer, body)
	})
}

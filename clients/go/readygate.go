// Package readygate waits until the gate of a service is open, and tells whether it still is.
//
//	err := readygate.Wait(ctx, readygate.WaitOptions{}) // until the database is as the schema says
//	if readygate.IsOpen() { ... }                        // some ten nanoseconds: for every request
//
// The gate is a sidecar, `readygate run`; its protocol stands in docs/protocol.md of the project. It is
// looked for at READYGATE_GATE_SOCKET, else at /run/readygate/gate.sock; At names another. With
// READYGATE_DISABLE=1 nothing waits and the gate counts as open: for the day on which the gate itself is
// what is broken.
//
// Everything here may be called from any goroutine.
package readygate

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
)

const (
	defaultSocket = "/run/readygate/gate.sock"
	longestPath   = 107 // bytes, of a Unix socket's address (unix(7))
)

// A Gate is what answers on one socket. It must not be copied.
type Gate struct {
	given string // "": what the environment says
	page  page
}

var standard Gate

// At is the gate of this socket, of "" the environment's. Keep it: each has a state page of its own, which is mapped once.
func At(socket string) *Gate { return &Gate{given: socket} }

// Wait returns nil once the gate says that the fact is true; see Gate.Wait.
func Wait(ctx context.Context, options WaitOptions) error { return standard.Wait(ctx, options) }

// IsOpen tells whether the gate is open now; see Gate.IsOpen.
func IsOpen() bool { return standard.IsOpen() }

// Snapshot is the gate's account on the state page; see Gate.Snapshot.
func Snapshot() *Account { return standard.Snapshot() }

// Status asks the gate for its account; see Gate.Status.
func Status(ctx context.Context) (*Account, error) { return standard.Status(ctx) }

// Watch hands out every change; see Gate.Watch.
func Watch(ctx context.Context) (<-chan *Account, error) { return standard.Watch(ctx) }

// socket is where the gate is. ErrUsage: no socket can have that path.
func (g *Gate) socket() (string, error) {
	path := g.given
	if path == "" {
		path = os.Getenv("READYGATE_GATE_SOCKET")
	}
	if path == "" {
		path = defaultSocket
	}
	if len(path) > longestPath || strings.ContainsRune(path, 0) {
		return "", &Error{
			Kind:  ErrUsage,
			State: "unknown",
			Code:  "unknown",
			Message: fmt.Sprintf("%q cannot be a socket's path: it has %d bytes, and at most %d are"+
				" allowed, none of them NUL", path, len(path), longestPath),
		}
	}
	return path, nil
}

var sayDisabled sync.Once

// disabled tells whether the kill switch is set. The first time that it is, the log says so.
func disabled() bool {
	if os.Getenv("READYGATE_DISABLE") != "1" {
		return false
	}
	sayDisabled.Do(func() {
		log.Print("readygate: READYGATE_DISABLE=1 is set: the gate is not waited for")
	})
	return true
}

package readygate

import (
	"context"
	"errors"
)

// What a wait can end with, for errors.Is. errors.As with *Error gives the state and the code.
var (
	// ErrTimeout: the context's deadline passed. The message says what stood in the way last.
	// context.DeadlineExceeded is true of it too.
	ErrTimeout = errors.New("readygate: not in time")
	// ErrFailed: the gate failed, and FailFast was asked for. It tries again by itself.
	ErrFailed = errors.New("readygate: the gate failed")
	// ErrDraining: the gate closes for good, what is not true now will not be.
	ErrDraining = errors.New("readygate: the gate is draining")
	// ErrForbidden: the gate does not answer this user.
	ErrForbidden = errors.New("readygate: the gate does not answer this user")
	// ErrProtocol: what answers on the socket is not understood, another program or version.
	ErrProtocol = errors.New("readygate: not understood")
	// ErrUnreachable: nobody answered. Status ends with it; a wait goes on.
	ErrUnreachable = errors.New("readygate: no answer")
	// ErrUsage: there is no such fact, or no socket can have that path.
	ErrUsage = errors.New("readygate: wrong use")
)

// An Error says that the gate is not open, and that waiting was of no use.
type Error struct {
	Kind    error  // one of the above
	State   string // the gate's, or "unknown" when nobody answered
	Code    string // a reason code of the gate; "gate_unreachable" when nobody answered
	Message string
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

// Is makes a timeout what a caller that knows only contexts looks for.
func (e *Error) Is(target error) bool {
	return e.Kind == ErrTimeout && target == context.DeadlineExceeded
}

package readygate

// Waiting fails closed. No socket, a refused connection, a full backlog, no permission (yet), an end of
// stream before an answer: each of them means *not open*, and is tried again, once a second and when the
// socket's file changes.

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const statusLimit = 200 * time.Millisecond // to learn why, once the wait has ended

// WaitOptions say what to wait for. The zero value waits until the gate is open.
type WaitOptions struct {
	Fact     Fact // "": Open
	FailFast bool // end when the gate says `failed`, though it tries again by itself
}

// Wait returns nil once the gate says that the fact is true; with READYGATE_DISABLE=1 at once. Else an
// *Error: ErrTimeout at the context's deadline (up to 0.2 s after it, since the gate is asked why);
// ErrDraining; ErrFailed, with FailFast only; ErrForbidden; ErrProtocol; ErrUsage. A context that was
// cancelled gives its own error.
func (g *Gate) Wait(ctx context.Context, options WaitOptions) error {
	fact := options.Fact
	if fact == "" {
		fact = Open
	}
	path, err := g.socket()
	if err != nil {
		return err
	}
	request, err := waitRequest(fact, options.FailFast)
	if err != nil {
		return err
	}
	if disabled() {
		return nil
	}
	cause := "nobody was asked"
	for {
		tried, seen := time.Now(), look(path)
		line, err := once(ctx, path, request, longestAnswer)
		asked := err != nil && ctx.Err() != nil // it was on the line when time was up
		switch {
		case err == nil:
			cause, err = judge(line)
			if errors.Is(err, ErrFailed) {
				return explained(err, g.why(path))
			}
			if err != nil || cause == "" {
				return err
			}
		case !asked:
			cause = fmt.Sprintf("%s: %s", path, whyNotConnected(err))
		}
		if !asked && pause(ctx, path, seen, tried) {
			continue
		}
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return ctx.Err()
		}
		why := &Error{ErrUnreachable, "unknown", "gate_unreachable", cause}
		if asked {
			why = g.why(path)
		}
		return &Error{ErrTimeout, why.State, why.Code, fmt.Sprintf("not %s in time: %s", fact, why)}
	}
}

// why is what the gate says of itself, as the cause of another error.
func (g *Gate) why(path string) *Error {
	ctx, cancel := context.WithTimeout(context.Background(), statusLimit)
	defer cancel()
	said, err := status(ctx, path)
	if err == nil {
		return &Error{nil, said.State, said.Code, said.describe()}
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return unreachable(path, err)
}

// explained is the same failure with the gate's own sentence, if it still says that it failed.
func explained(err error, why *Error) error {
	var failed *Error
	if errors.As(err, &failed) && why.State == failed.State {
		failed.Message = why.Message
	}
	return err
}

// Status is the gate's account of this moment, asked over the socket. ErrUnreachable: no answer, which
// the context's deadline is too.
func (g *Gate) Status(ctx context.Context) (*Account, error) {
	path, err := g.socket()
	if err != nil {
		return nil, err
	}
	return status(ctx, path)
}

func status(ctx context.Context, path string) (*Account, error) {
	line, err := once(ctx, path, "STATUS\n", longestAccount)
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, unreachable(path, err)
	}
	return account(line)
}

func unreachable(path string, err error) *Error {
	return &Error{ErrUnreachable, "unknown", "gate_unreachable",
		fmt.Sprintf("no answer from the gate at %s: %s", path, whyNotConnected(err))}
}

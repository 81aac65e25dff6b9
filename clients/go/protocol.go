package readygate

// The line dialect, without sockets: what is asked, and what an answer means. One place for the rule that
// everything depends on: what is not a whole answer that says `ok` is not open.

import (
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	longestAnswer  = 4096    // bytes: an answer to WAIT has a few hundred
	longestAccount = 1 << 20 // bytes
)

// A Fact is what a gate can be asked for. An application waits for Open.
type Fact string

// The facts; docs/architecture.md of the project says when each is true.
const (
	Open        Fact = "open"
	Ready       Fact = "ready"
	Initialized Fact = "initialized"
	Healthy     Fact = "healthy"
)

// An Account is the gate's own, a snapshot. A later version may have more members.
type Account struct {
	Version       int        `json:"v"`
	Seq           uint64     `json:"seq"` // rises by one with each change
	InstanceID    string     `json:"instance_id"`
	State         string     `json:"state"`
	Initialized   bool       `json:"initialized"`
	Reachable     bool       `json:"reachable"`
	Open          bool       `json:"open"`
	Ready         bool       `json:"ready"`
	Healthy       bool       `json:"healthy"`
	Live          bool       `json:"live"`
	Phase         Phase      `json:"phase"`
	Reason        string     `json:"reason"`
	Code          string     `json:"code"` // "none" when nothing is wrong
	Retryable     bool       `json:"retryable"`
	Attempt       int        `json:"attempt"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	Since         time.Time  `json:"since"`
	Started       time.Time  `json:"started"`
	Schema        struct {
		Name    string `json:"name"`
		Version int64  `json:"version"`
		Hash    string `json:"hash"`
	} `json:"schema"`
	Lease struct {
		Owner string `json:"owner"`
		Token int64  `json:"token"`
		Mine  bool   `json:"mine"`
	} `json:"lease"`
	Checks []struct {
		Name   string `json:"name"`
		Passed bool   `json:"passed"`
		Code   string `json:"code"`
		Reason string `json:"reason"`
	} `json:"checks"`
	Server struct {
		Product  string `json:"product"`
		Version  string `json:"version"`
		Topology string `json:"topology"`
	} `json:"server"`
	WithheldSteps int `json:"withheld_steps"` // that the schema's policy holds back
}

// A Phase is what is being done.
type Phase struct {
	Name    string `json:"name"`
	Step    int    `json:"step"`
	Of      int    `json:"of"` // 0: no steps
	What    string `json:"what"`
	Percent any    `json:"percent"` // a number, or "unknown"
}

// waitRequest leaves the time limit out: it is kept here, since daemons come and go.
func waitRequest(fact Fact, failFast bool) (string, error) {
	switch fact {
	case Open, Ready, Initialized, Healthy:
	default:
		return "", &Error{ErrUsage, "unknown", "unknown", fmt.Sprintf(
			"there is no fact %q; there are: open, ready, initialized, healthy", string(fact))}
	}
	if failFast {
		return "WAIT " + string(fact) + " fail-fast\n", nil
	}
	return "WAIT " + string(fact) + "\n", nil
}

func notUnderstood() *Error {
	return &Error{ErrProtocol, "unknown", "unknown",
		"what answers on the socket is not understood: is it a gate?"}
}

// judge: nil and "", the fact is true; text, why to try again; an error, what ends the wait.
func judge(line []byte) (string, error) {
	answer := struct {
		OK    *bool  `json:"ok"`
		Why   string `json:"why"`
		State string `json:"state"`
		Code  string `json:"code"`
	}{Why: "unknown", State: "unknown", Code: "unknown"}
	if !isObject(line) || json.Unmarshal(line, &answer) != nil {
		return "", notUnderstood()
	}
	if answer.OK != nil && *answer.OK {
		return "", nil
	}
	ends := func(kind error, message string) (string, error) {
		return "", &Error{kind, answer.State, answer.Code, message}
	}
	switch answer.Why {
	case "busy", "timeout":
		return "the gate answers: " + answer.Why, nil
	case "failed":
		return ends(ErrFailed, fmt.Sprintf("the gate failed (%s)", answer.Code))
	case "draining":
		return ends(ErrDraining, "the gate is draining: it will not open again")
	case "forbidden":
		return ends(ErrForbidden, "the gate does not answer this user")
	}
	return ends(ErrProtocol, fmt.Sprintf("the gate answers: %s; is it of another version?", answer.Why))
}

// account is the one on a line.
func account(line []byte) (*Account, error) {
	read := &Account{State: "unknown", Code: "unknown"}
	if !isObject(line) || json.Unmarshal(line, read) != nil {
		return nil, notUnderstood()
	}
	return read, nil
}

// news is the account on a line of WATCH; nil: a heartbeat, or told to come again later.
func news(line []byte) (*Account, error) {
	var kind struct {
		State *string `json:"state"`
		OK    *bool   `json:"ok"`
	}
	if !isObject(line) || json.Unmarshal(line, &kind) != nil {
		return nil, notUnderstood()
	}
	if kind.State == nil || kind.OK != nil {
		return nil, nil
	}
	return account(line)
}

// isObject: json.Unmarshal takes null for a struct that stays as it is.
func isObject(line []byte) bool { return len(line) > 0 && line[0] == '{' }

// whyNotConnected is what a person reads in place of an error number.
func whyNotConnected(err error) string {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return "the socket does not exist (is `readygate run` started, and the folder mounted?)"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens on the socket"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "this user may not connect (see gate.socket_mode and gate.socket_group)"
	case errors.Is(err, syscall.EAGAIN):
		return "too many clients connect at once"
	}
	return err.Error()
}

// describe is the gate's account in a sentence.
func (a *Account) describe() string {
	text := "the gate is " + a.State
	if a.Phase.What != "" {
		text += " (" + a.Phase.What + ")"
	}
	if a.Code != "none" {
		text += ", " + a.Code
	}
	if a.Reason != "" {
		text += ": " + a.Reason
	}
	return text
}

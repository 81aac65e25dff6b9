package readygate

// What the shared cases cannot ask: errors as values, cancelling, the log.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	saysOpen   = `{"ok":true,"why":"open"}` + "\n"
	saysFailed = `{"ok":false,"why":"failed","state":"failed","code":"duplicate_keys"}` + "\n"
)

func TestTheErrorSaysWhy(t *testing.T) {
	fake := newFakeGate(t, map[string]string{
		"WAIT":   saysFailed,
		"STATUS": `{"state":"failed","code":"duplicate_keys","reason":"two carts with one owner"}` + "\n",
	})
	err := At(fake.socket).Wait(context.Background(), WaitOptions{FailFast: true})
	var told *Error
	if !errors.As(err, &told) || !errors.Is(err, ErrFailed) || errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if told.State != "failed" || told.Code != "duplicate_keys" ||
		!strings.Contains(err.Error(), "two carts with one owner") {
		t.Errorf("%+v", told)
	}
}

func TestATimeoutIsADeadlineToo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := At("/nowhere").Wait(ctx, WaitOptions{})
	if !errors.Is(err, ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "does not exist") {
		t.Error(err)
	}
}

func TestCancellingEndsAWaitAndItsConnection(t *testing.T) {
	fake := newFakeGate(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- At(fake.socket).Wait(ctx, WaitOptions{}) }()
	conn := <-fake.asked
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

func TestCancellingEndsAWaitForNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- At("/nowhere").Wait(ctx, WaitOptions{}) }()
	cancel()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
}

func TestManyAtOnce(t *testing.T) {
	fake := newFakeGate(t, map[string]string{"WAIT": saysOpen})
	gate := At(fake.socket)
	var group sync.WaitGroup
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := gate.Wait(context.Background(), WaitOptions{}); err != nil {
				t.Error(err)
			}
		}()
	}
	group.Wait()
}

func TestTheKillSwitchIsSaidOnce(t *testing.T) {
	sayDisabled = sync.Once{}
	var said bytes.Buffer
	log.SetOutput(&said)
	defer log.SetOutput(os.Stderr)
	t.Setenv("READYGATE_DISABLE", "1")
	for i := 0; i < 2; i++ {
		check(t, At("/nowhere").Wait(context.Background(), WaitOptions{}))
	}
	if !At("/nowhere").IsOpen() {
		t.Error("not open")
	}
	if strings.Count(said.String(), "READYGATE_DISABLE") != 1 {
		t.Error(said.String())
	}
}

func TestWhereTheSocketIs(t *testing.T) {
	t.Setenv("READYGATE_GATE_SOCKET", "")
	for _, step := range []struct{ environment, given, expected string }{
		{"", "", "/run/readygate/gate.sock"},
		{"/daemon", "", "/daemon"},
		{"/daemon", "/given", "/given"},
	} {
		t.Setenv("READYGATE_GATE_SOCKET", step.environment)
		if path, err := At(step.given).socket(); err != nil || path != step.expected {
			t.Error(step, path, err)
		}
	}
	if _, err := At(strings.Repeat("x", 108)).socket(); !errors.Is(err, ErrUsage) {
		t.Error(err)
	}
}

func TestStatus(t *testing.T) {
	fake := newFakeGate(t, map[string]string{"STATUS": `{"state":"ready","seq":3,"colour":"green"}` + "\n"})
	said, err := At(fake.socket).Status(context.Background())
	check(t, err)
	if said.State != "ready" || said.Seq != 3 {
		t.Errorf("%+v", said)
	}
	_, err = At("/nowhere").Status(context.Background())
	var told *Error
	if !errors.As(err, &told) || !errors.Is(err, ErrUnreachable) || told.Code != "gate_unreachable" {
		t.Error(err)
	}
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	fake := newFakeGate(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	accounts, err := At(fake.socket).Watch(ctx)
	check(t, err)
	conn := <-fake.asked
	write(t, conn, `{"state":"ready","seq":1}`+"\n")
	if found := <-accounts; found.State != "ready" {
		t.Errorf("%+v", found)
	}
	write(t, conn, `{"state":"ready","seq":2}`+"\n") // nobody takes it
	for stacks := make([]byte, 1<<20); ; {           // until it is held out
		if n := runtime.Stack(stacks, true); bytes.Contains(stacks[:n], []byte("[select]:\nreadygate.watchOne")) {
			break
		}
	}
	cancel()
	for { // the connection has ended, though nobody took anything
		if _, err := conn.Read(make([]byte, 1)); err != nil {
			break
		}
	}
	for range accounts { // until it is closed
	}
}

func write(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := conn.Write([]byte(text))
	check(t, err)
}

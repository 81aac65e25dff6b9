package readygate

// One connection to the gate: a request line out, answer lines in.

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

var errEnded = errors.New("the daemon ended before it answered")

type connection struct {
	conn    net.Conn
	lines   *bufio.Reader
	silence time.Duration // 0: none is too long
	stop    func()
}

// ask connects and sends. The context's end closes the connection, whatever it is doing.
func ask(ctx context.Context, path, request string, longest int, silence time.Duration) (*connection, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		<-ctx.Done() // the dialler reads the clock itself, and may do so just before the context's timer
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
			_ = conn.SetDeadline(time.Unix(1, 0)) // past: reads and writes end at once
		case <-done:
		}
	}()
	c := &connection{conn, bufio.NewReaderSize(conn, longest), silence, func() { close(done) }}
	if _, err := conn.Write([]byte(request)); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *connection) close() {
	c.stop()
	_ = c.conn.Close()
}

// next is the next whole line, good until the one after it. errEnded: the stream ended before there was one.
func (c *connection) next(ctx context.Context) ([]byte, error) {
	if c.silence > 0 {
		_ = c.conn.SetReadDeadline(time.Now().Add(c.silence))
		if ctx.Err() != nil { // it may have ended just before, and its deadline is overwritten now
			return nil, ctx.Err()
		}
	}
	line, err := c.lines.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ECONNRESET):
		return nil, err
	}
	return nil, errEnded // end of stream, or a line that is too long
}

// once asks for one line.
func once(ctx context.Context, path, request string, longest int) ([]byte, error) {
	c, err := ask(ctx, path, request, longest, 0)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.next(ctx)
}

const (
	tryAgain = time.Second           // after a try that led nowhere
	lookTime = 50 * time.Millisecond // between looks at the socket's file while nobody serves it
)

type sight struct {
	err  error
	dev  uint64
	ino  uint64
	ctim syscall.Timespec
}

// look changes when something about the socket's file does: made, replaced, chmod, removed. One stat(2). A
// folder's events would be cheaper yet, but some sandboxes deliver none.
func look(path string) sight {
	var found syscall.Stat_t
	if err := syscall.Stat(path, &found); err != nil {
		return sight{err: err}
	}
	return sight{dev: uint64(found.Dev), ino: found.Ino, ctim: found.Ctim}
}

// pause sleeps until a second after `tried`, or until the socket's file is not what was seen. False: the
// context ended.
func pause(ctx context.Context, path string, seen sight, tried time.Time) bool {
	ticker := time.NewTicker(lookTime)
	defer ticker.Stop()
	for time.Since(tried) < tryAgain && look(path) == seen {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return ctx.Err() == nil
}

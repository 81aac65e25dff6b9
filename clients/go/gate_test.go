package readygate

// A gate for the tests: a socket that answers as told, and a state page. Layout: docs/protocol.md.

import (
	"bufio"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

type fakeGate struct {
	t       testing.TB
	socket  string
	answers map[string]string // by the request's first word; sent, and then the end of stream
	asked   chan net.Conn     // what has no answer here
}

func newFakeGate(t testing.TB, answers map[string]string) *fakeGate {
	t.Helper()
	folder, err := os.MkdirTemp("", "rg-")
	check(t, err)
	g := &fakeGate{t, filepath.Join(folder, "gate.sock"), answers, make(chan net.Conn, 100)}
	listener, err := net.Listen("unix", g.socket)
	check(t, err)
	t.Cleanup(func() {
		_ = listener.Close()
		_ = os.RemoveAll(folder)
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go g.serve(conn)
		}
	}()
	return g
}

func (g *fakeGate) serve(conn net.Conn) {
	line, _ := bufio.NewReader(conn).ReadString('\n')
	words := strings.Fields(line)
	if len(words) == 0 {
		_ = conn.Close()
		return
	}
	answer, told := g.answers[words[0]]
	if !told {
		g.asked <- conn
		return
	}
	_, _ = conn.Write([]byte(answer))
	_ = conn.Close()
}

func (g *fakeGate) writePage(bits uint64, expires int64, snapshot string) {
	g.t.Helper()
	order := nativeOrder()
	bytes := make([]byte, pageSize)
	copy(bytes, pageMagic)
	order.PutUint32(bytes[atLayout:], pageLayout)
	order.PutUint32(bytes[atSize:], pageSize)
	copy(bytes[atBoot:], bootID())
	order.PutUint64(bytes[atOffset:], uint64(clockOffset()))
	order.PutUint64(bytes[atWord:], uint64(monotonic()+expires)<<8|bits)
	order.PutUint32(bytes[atSequence:], 2)
	order.PutUint32(bytes[atLength:], uint32(len(snapshot)))
	copy(bytes[atSnapshot:], snapshot)
	check(g.t, os.WriteFile(g.socket+".new", bytes, 0o600))
	check(g.t, os.Rename(g.socket+".new", g.socket+".page"))
}

func nativeOrder() binary.ByteOrder {
	one := uint16(1)
	if *(*byte)(unsafe.Pointer(&one)) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

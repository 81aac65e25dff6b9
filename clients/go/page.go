package readygate

// The daemon keeps a page of 4 KiB beside its socket, whose word at offset 64 holds what is true and until
// when: it is rewritten every 500 ms and good for 3 s, so that a daemon that was killed is believed for that
// long at most. A page that is missing, has expired, was zeroed (the daemon's orderly end), or is of an
// earlier boot says not open, and is opened anew, every 100 ms at most.
//
// Every load of what the daemon writes is one of sync/atomic, and those are sequentially consistent: none
// is torn, and none is seen before an earlier one, on any machine. That is more than the word needs, which
// stands alone. It is what the snapshot needs: its bytes must be read after the first load of the sequence
// lock and before the second. An acquiring load (ARM's LDAR) does not hold back the loads before it, and Go
// has no fence; so the bytes are copied by atomic loads too, eight at a time.

import (
	"encoding/json"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

const (
	pageSize   = 4096
	pageMagic  = "RDYGATE\x00"
	pageLayout = 1
	openBit    = 1

	atLayout   = 8 // offsets, in bytes
	atSize     = 12
	atBoot     = 16
	atOffset   = 48
	atWord     = 64
	atSequence = 128
	atLength   = 132
	atSnapshot = 136

	tries  = 100
	reopen = 100 // ms
)

// IsOpen tells whether the gate is open now, by the state page. It never waits for anybody, and allocates
// nothing while the gate is open.
func (g *Gate) IsOpen() bool {
	if m := g.page.mapped.Load(); m != nil {
		if word, good := m.word(); good && word&openBit != 0 {
			return true
		}
	}
	m := g.current()
	if m == nil {
		return disabled()
	}
	word, good := m.word()
	return good && word&openBit != 0 || disabled()
}

// Snapshot is the gate's account on the state page, without asking anybody. nil when there is no page, or
// an old one, or when it did not fit there: then ask Status.
func (g *Gate) Snapshot() *Account {
	m := g.current()
	if m == nil {
		return nil
	}
	text := m.copy()
	found := &Account{}
	if !isObject(text) || json.Unmarshal(text, found) != nil {
		return nil
	}
	return found
}

// page is the newest mapping of a gate's page.
type page struct {
	mapped atomic.Pointer[mapping]
	mutex  sync.Mutex // guards what follows
	path   string     // the socket whose page was opened last
	when   int64      // ms
}

// current is a page that is good, opened anew if need be and not tried of late; nil: there is none.
func (g *Gate) current() *mapping {
	path, err := g.socket()
	if err != nil {
		return nil
	}
	if m := g.page.mapped.Load(); m.serves(path) {
		return m
	}
	p := &g.page
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if now := monotonic(); p.path != path || now-p.when >= reopen {
		p.path, p.when = path, now
		p.mapped.Store(openPage(path))
	}
	if m := p.mapped.Load(); m.serves(path) {
		return m
	}
	return nil
}

// A mapping is a page that was whole when it was opened. It is unmapped when nobody holds it any more.
type mapping struct {
	path  string
	bytes []byte
	shift int64 // ms that our monotonic clock is ahead of the writer's (time namespaces)
}

func (m *mapping) serves(path string) bool {
	if m == nil || m.path != path {
		return false
	}
	_, good := m.word()
	return good
}

// word is the facts, and whether they have not expired.
func (m *mapping) word() (uint64, bool) {
	word := m.load64(atWord)
	return word & 0xff, monotonic()-m.shift < int64(word>>8)
}

func (m *mapping) load64(at int) uint64 {
	word := atomic.LoadUint64((*uint64)(unsafe.Pointer(&m.bytes[at])))
	runtime.KeepAlive(m)
	return word
}

func (m *mapping) load32(at int) uint32 {
	half := atomic.LoadUint32((*uint32)(unsafe.Pointer(&m.bytes[at])))
	runtime.KeepAlive(m)
	return half
}

// copy is the snapshot; nil: none, or none that was whole.
func (m *mapping) copy() []byte {
	var text [pageSize - atSnapshot]byte
	for i := 0; i < tries; i++ {
		before := m.load32(atSequence)
		if before%2 != 0 {
			runtime.Gosched()
			continue
		}
		length := m.load32(atLength)
		for at := 0; at < len(text); at += 8 {
			eight := m.load64(atSnapshot + at)
			copy(text[at:], (*[8]byte)(unsafe.Pointer(&eight))[:])
		}
		if m.load32(atSequence) == before {
			if length > uint32(len(text)) { // it did not fit, and is left out
				return nil
			}
			return text[:length]
		}
	}
	return nil
}

// openPage maps the page of this socket; nil: there is none that can be believed.
func openPage(socket string) *mapping {
	// A FIFO or a device in its place must not hold us up.
	fd, err := syscall.Open(socket+".page", syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	var found syscall.Stat_t
	if syscall.Fstat(fd, &found) != nil || found.Mode&syscall.S_IFMT != syscall.S_IFREG || found.Size < pageSize {
		return nil
	}
	bytes, err := syscall.Mmap(fd, 0, pageSize, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	m := &mapping{path: socket, bytes: bytes}
	runtime.SetFinalizer(m, func(m *mapping) { _ = syscall.Munmap(m.bytes) })
	if string(bytes[:len(pageMagic)]) != pageMagic || m.load32(atLayout) != pageLayout ||
		m.load32(atSize) != pageSize || string(bytes[atBoot:atBoot+16]) != bootID() {
		return nil
	}
	m.shift = clockOffset() - int64(m.load64(atOffset))
	return m
}

package readygate

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A writer at full speed and eight readers: each snapshot is one that was written, and the word never says
// anything but open. The writer maps the page apart from the readers, as the daemon does.
func TestNothingIsTorn(t *testing.T) {
	fake := newFakeGate(t, nil)
	fake.writePage(openBit, 600_000, "")
	file, err := os.OpenFile(fake.socket+".page", os.O_RDWR, 0)
	check(t, err)
	defer file.Close()
	bytes, err := syscall.Mmap(int(file.Fd()), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	check(t, err)
	var stop atomic.Bool
	var writer, readers sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		sequence := (*uint32)(unsafe.Pointer(&bytes[atSequence]))
		length := (*uint32)(unsafe.Pointer(&bytes[atLength]))
		for n := 1; !stop.Load(); n = n%9 + 1 {
			pad := strings.Repeat(string(rune('0'+n)), 3000+80*n)
			text := `{"state":"` + pad + `","seq":` + string(rune('0'+n)) + `}`
			atomic.AddUint32(sequence, 1)
			atomic.StoreUint32(length, uint32(len(text)))
			copy(bytes[atSnapshot:], text)
			atomic.AddUint32(sequence, 1)
		}
	}()
	gate := At(fake.socket)
	for gate.Snapshot() == nil { // until the first is written
	}
	var whole atomic.Int64
	for i := 0; i < 8; i++ {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for round := 0; round < 200; round++ {
				if !gate.IsOpen() {
					t.Error("closed")
				}
				found := gate.Snapshot()
				if found == nil {
					continue // a hundred tries met the writer each time
				}
				whole.Add(1)
				n := int(found.Seq)
				if found.State != strings.Repeat(string(rune('0'+n)), 3000+80*n) {
					t.Errorf("torn: %d, %s", n, found.State)
				}
			}
		}()
	}
	readers.Wait()
	stop.Store(true)
	writer.Wait()
	check(t, syscall.Munmap(bytes))
	if whole.Load() == 0 {
		t.Error("nothing was read")
	}
}

func TestAPageIsOpenedAtMostEvery100ms(t *testing.T) {
	fake := newFakeGate(t, nil)
	gate := At(fake.socket)
	if gate.IsOpen() {
		t.Fatal("open without a page")
	}
	fake.writePage(openBit, 60_000, "")
	gate.page.when = monotonic() + 60_000 // as if it had just been looked for, however slow we are
	if gate.IsOpen() {
		t.Error("opened again at once")
	}
	gate.page.when = monotonic() - reopen
	if !gate.IsOpen() {
		t.Error("not opened again")
	}
}

func TestManyThatAskFirstAllSeeItOpen(t *testing.T) {
	fake := newFakeGate(t, nil)
	fake.writePage(openBit, 60_000, "")
	gate := At(fake.socket)
	var group sync.WaitGroup
	for i := 0; i < 16; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			if !gate.IsOpen() {
				t.Error("not open")
			}
		}()
	}
	group.Wait()
}

func TestWhatIsNoFileHoldsNobodyUp(t *testing.T) {
	fake := newFakeGate(t, nil)
	check(t, syscall.Mkfifo(fake.socket+".page", 0o600))
	if At(fake.socket).IsOpen() {
		t.Error("open")
	}
}

func TestIsOpenAllocatesNothing(t *testing.T) {
	fake := newFakeGate(t, nil)
	fake.writePage(openBit, 60_000, "")
	gate := At(fake.socket)
	if n := testing.AllocsPerRun(100, func() { gate.IsOpen() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Go's clock and the kernel's go on together, and ours is never behind: a page must not live longer for us.
func TestTheClock(t *testing.T) {
	const clockMonotonic = 1 // of its own: the package's could be wrong
	for i := 0; i < 3; i++ {
		var before, after syscall.Timespec
		ask := func(into *syscall.Timespec) {
			_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(into)), 0)
		}
		ask(&before)
		ours := monotonic()
		ask(&after)
		if ours < before.Nano()/1e6 || ours > after.Nano()/1e6+1000 {
			t.Errorf("%d is not in %d to %d", ours, before.Nano()/1e6, after.Nano()/1e6)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

package readygate

// What the page's times are measured by: the kernel's monotonic clock, and the boot that it counts from.

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const clockMonotonic = 1 // CLOCK_MONOTONIC (time.h)

// epoch is a moment of Go's clock, and the same one of the kernel's, in ns. Go's own monotonic clock is
// CLOCK_MONOTONIC, but it tells only differences; asking the kernel each time would be a system call, where
// Go needs none.
var epoch, epochKernel = together()

// together reads both clocks, and takes the closest pair of a few: a pause between the two readings would
// make pages expire that much too early, for as long as the process lives.
func together() (time.Time, int64) {
	var best time.Time
	var kernel int64
	gap := time.Duration(1<<63 - 1)
	for i := 0; i < 8; i++ {
		before := time.Now()
		var found syscall.Timespec
		_, _, failed := syscall.Syscall(
			syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&found)), 0)
		if took := time.Since(before); failed == 0 && took < gap {
			best, kernel, gap = before, found.Nano(), took
		}
	}
	return best, kernel
}

// monotonic is CLOCK_MONOTONIC in ms. The page's times are of CLOCK_MONOTONIC_COARSE, which is the same
// clock at most a tick (10 ms) behind: a page expires for us that much earlier, never later.
func monotonic() int64 {
	return (epochKernel + int64(time.Since(epoch))) / int64(time.Millisecond)
}

// bootID is the kernel's id of this boot, 16 bytes: on a volume that outlives it, a page of an earlier one
// may lie about, whose times mean nothing now. Empty: unknown.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil {
		return ""
	}
	return string(id)
}

// clockOffset is by how many ms CLOCK_MONOTONIC is ahead of the kernel's in our time namespace
// (time_namespaces(7)); 0 where the kernel knows none.
func clockOffset() int64 {
	text, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "monotonic" {
			continue
		}
		seconds, wrong := strconv.ParseInt(words[1], 10, 64)
		nanoseconds, alsoWrong := strconv.ParseInt(words[2], 10, 64)
		if wrong == nil && alsoWrong == nil {
			return seconds*1000 + nanoseconds/int64(time.Millisecond)
		}
	}
	return 0
}

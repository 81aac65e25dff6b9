package readygate

import "testing"

// What a request pays, and the look at the clock that is in it.

func BenchmarkIsOpen(b *testing.B) {
	fake := newFakeGate(b, nil)
	fake.writePage(openBit, 600_000, "")
	gate := At(fake.socket)
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if !gate.IsOpen() {
			b.Fatal("not open")
		}
	}
}

func BenchmarkClock(b *testing.B) {
	var sum int64
	for i := 0; i < b.N; i++ {
		sum += monotonic()
	}
	if sum < 0 {
		b.Fatal("the clock ran backwards")
	}
}

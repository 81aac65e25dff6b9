package readygate

import (
	"context"
	"fmt"
	"time"
)

// A heartbeat comes every 15 s, so silence for longer than two of them and a bit means that nobody is there.
const silence = 35 * time.Second

// Watch hands out the gate's account of now, then each newer one, across the ends of its daemons, until the
// context ends; then the channel is closed. Who reads slowly gets the newest and not each: Seq shows the
// gap. While no daemon answers, it waits. ErrUsage: no socket can have that path.
func (g *Gate) Watch(ctx context.Context) (<-chan *Account, error) {
	path, err := g.socket()
	if err != nil {
		return nil, err
	}
	accounts := make(chan *Account)
	go func() {
		defer close(accounts)
		var last string
		for {
			tried, seen := time.Now(), look(path)
			last = watchOne(ctx, path, last, accounts)
			if !pause(ctx, path, seen, tried) {
				return
			}
		}
	}()
	return accounts, nil
}

// watchOne watches over one connection, whatever ends it: that may change. A new connection begins with what
// the one before it ended with, which is what `last` names; it returns the next one's.
func watchOne(ctx context.Context, path, last string, accounts chan<- *Account) string {
	c, err := ask(ctx, path, "WATCH\n", longestAccount, silence)
	if err != nil {
		return last
	}
	defer c.close()
	for {
		line, err := c.next(ctx)
		if err != nil {
			return last
		}
		found, err := news(line)
		if err != nil {
			return last
		}
		if found == nil {
			continue
		}
		key := fmt.Sprintf("%s %d", found.InstanceID, found.Seq)
		if key == last {
			continue
		}
		select {
		case accounts <- found:
			last = key
		case <-ctx.Done():
			return last
		}
	}
}

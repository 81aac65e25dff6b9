// The Go client's driver of tests/protocol/clients: questions on standard input, answers on standard output,
// a line each.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"readygate"
)

func wait(fact, limit string, flags []string) string {
	ctx := context.Background()
	if limit != "-" {
		duration, err := time.ParseDuration(limit)
		if err != nil {
			return err.Error()
		}
		limited, cancel := context.WithTimeout(ctx, duration)
		defer cancel()
		ctx = limited
	}
	failFast := len(flags) > 0 && flags[0] == "fail-fast"
	err := readygate.Wait(ctx, readygate.WaitOptions{Fact: readygate.Fact(fact), FailFast: failFast})
	if err == nil {
		return "ok"
	}
	var told *readygate.Error
	if !errors.As(err, &told) {
		return err.Error()
	}
	word := map[error]string{
		readygate.ErrTimeout:   "timeout",
		readygate.ErrFailed:    "failed",
		readygate.ErrDraining:  "draining",
		readygate.ErrForbidden: "forbidden",
		readygate.ErrProtocol:  "protocol",
		readygate.ErrUsage:     "usage",
	}[told.Kind]
	if told.Kind == readygate.ErrProtocol || told.Kind == readygate.ErrUsage {
		return word
	}
	return fmt.Sprintf("%s %s %s", word, told.State, told.Code)
}

func account(found *readygate.Account) string {
	if found == nil {
		return "none"
	}
	return fmt.Sprintf("%s %d", found.State, found.Seq)
}

func watch(count string) {
	left, err := strconv.Atoi(count)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	accounts, err := readygate.Watch(ctx)
	if err != nil {
		panic(err)
	}
	for ; left > 0; left-- {
		fmt.Println(account(<-accounts))
	}
}

func main() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch words := strings.Fields(lines.Text()); words[0] {
		case "wait":
			fmt.Println(wait(words[1], words[2], words[3:]))
		case "watch":
			watch(words[1])
		case "is_open":
			fmt.Println(readygate.IsOpen())
		case "snapshot":
			fmt.Println(account(readygate.Snapshot()))
		default:
			fmt.Println("no such question:", words[0])
		}
	}
}

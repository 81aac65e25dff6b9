package readygate_test

// The README's examples, which must compile; a test compares them with it.

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"readygate"
	"readygate/gatehttp"
)

func exampleOfWaiting() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := readygate.Wait(ctx, readygate.WaitOptions{})
	var late *readygate.Error
	if errors.As(err, &late) {
		log.Print("not ready: ", late, late.State, late.Code)
	}
}

func exampleOfServing() *http.Server {
	service := http.NewServeMux()
	server := &http.Server{
		Handler: gatehttp.Handler(readygate.At(""), gatehttp.Options{Exempt: []string{"/livez"}}, service),
	}
	return server
}

func TestTheReadmeIsTrue(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("READYGATE_DISABLE", "1")
	exampleOfWaiting()
	if exampleOfServing() == nil {
		t.Error("no server")
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) != 2 {
		t.Errorf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		indented := "\t" + strings.ReplaceAll(strings.TrimSpace(block[1]), "\n", "\n\t")
		if !strings.Contains(string(source), indented) {
			t.Errorf("not compiled: %s", block[1])
		}
	}
}

package gatehttp

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

type gate bool

func (g *gate) IsOpen() bool { return bool(*g) }

var served = http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
	answer.WriteHeader(http.StatusNoContent)
})

func TestHandler(t *testing.T) {
	for _, strict := range []bool{false, true} {
		var open gate
		handler := Handler(&open, Options{Strict: strict, Exempt: []string{"/livez"}}, served)
		expect := func(path string, status int) *httptest.ResponseRecorder {
			t.Helper()
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequest("GET", path, nil))
			if answer.Code != status {
				t.Errorf("strict %t, open %t, %s: %d", strict, open, path, answer.Code)
			}
			return answer
		}
		refused := expect("/orders?page=2", 503)
		if refused.Body.String() != body || refused.Header().Get("Retry-After") != "1" {
			t.Error(refused)
		}
		expect("/livez?verbose", 204)
		open = true
		expect("/orders", 204)
		open = false
		if strict {
			expect("/orders", 503)
		} else {
			expect("/orders", 204)
		}
	}
}

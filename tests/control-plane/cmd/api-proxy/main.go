// A way to the API server that does not do as it should. The argument is the API server's URL.
// Prints its own URL, and reads from its standard input, line by line, what it is to do with a
// request: a word and how many of a hundred requests it happens to. Ends when its input does.
//
//	ok         let all through
//	slow       answer 400 ms later
//	cut        break off before the request is passed on, or (half the time) after it was carried out
//	busy       429 with Retry-After
//	broken     500
//	truncated  half of the answer
//	gone       410 to every watch
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

type mode struct {
	sync.Mutex
	word    string
	percent int
	cancel  chan struct{}
}

// now is what happens to one request, and a channel that closes when another mode begins.
func (m *mode) now() (string, chan struct{}) {
	m.Lock()
	defer m.Unlock()
	if rand.IntN(100) >= m.percent {
		return "ok", m.cancel
	}
	return m.word, m.cancel
}

func (m *mode) set(word string, percent int) {
	m.Lock()
	defer m.Unlock()
	m.word, m.percent = word, percent
	close(m.cancel)
	m.cancel = make(chan struct{})
}

func hangUp(w http.ResponseWriter) {
	if hijacker, ok := w.(http.Hijacker); ok {
		if connection, _, err := hijacker.Hijack(); err == nil {
			connection.Close()
		}
	}
}

func status(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	if code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"the proxy says so","reason":%q,"code":%d}`, reason, code)
}

func main() {
	target, err := url.Parse(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.Transport = &http.Transport{
		// Both ends are this machine's loopback, and the test's own.
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		MaxIdleConnsPerHost: 64,
	}
	current := &mode{word: "ok", cancel: make(chan struct{})}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		word, other := current.now()
		watch := r.URL.Query().Get("watch") != ""
		switch {
		case watch && word == "gone":
			status(w, http.StatusGone, "Expired")
		case watch:
			// A watch of before the faults would see none of them.
			done := make(chan struct{})
			defer close(done)
			go func() {
				select {
				case <-other:
					hangUp(w)
				case <-done:
				}
			}()
			proxy.ServeHTTP(w, r)
		case word == "slow":
			time.Sleep(400 * time.Millisecond)
			proxy.ServeHTTP(w, r)
		case word == "busy":
			status(w, http.StatusTooManyRequests, "TooManyRequests")
		case word == "broken":
			status(w, http.StatusInternalServerError, "InternalError")
		case word == "cut" && rand.IntN(2) == 0:
			hangUp(w)
		case word == "cut", word == "truncated":
			answer := &recorder{header: http.Header{}, code: 200}
			proxy.ServeHTTP(answer, r)
			if word == "cut" {
				hangUp(w)
				return
			}
			for name, values := range answer.header {
				w.Header()[name] = values
			}
			w.WriteHeader(answer.code)
			w.Write(answer.body.Bytes()[:answer.body.Len()/2])
			hangUp(w)
		default:
			proxy.ServeHTTP(w, r)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	fmt.Printf("http://%s\n", listener.Addr())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		percent, err := strconv.Atoi(words[1])
		if err != nil {
			log.Fatal(err)
		}
		current.set(words[0], percent)
	}
}

type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header            { return r.header }
func (r *recorder) WriteHeader(code int)           { r.code = code }
func (r *recorder) Write(part []byte) (int, error) { return r.body.Write(part) }

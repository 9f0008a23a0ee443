// Package http is laid over Go's own: a client that reaches nothing, and no TLS, proxies or servers.
package http

import (
	"context"
	"errors"
	"io"
	"net/url"
	"time"
)

// Header is a request's.
type Header map[string][]string

func (header Header) Set(name, value string) { header[name] = []string{value} }

// Get gives the first value.
func (header Header) Get(name string) string {
	if values := header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Request is what is asked for.
type Request struct {
	Method     string
	URL        *url.URL
	Header     Header
	Body       io.ReadCloser
	RemoteAddr string
}

func (*Request) SetBasicAuth(_, _ string)  {}
func (request *Request) UserAgent() string { return request.Header.Get("User-Agent") }
func (*Request) Write(io.Writer) error     { return ErrAbortHandler }
func (*Request) Context() context.Context  { return context.Background() }

// NewRequestWithContext makes a request.
func NewRequestWithContext(_ context.Context, method, address string, _ io.Reader) (*Request, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return &Request{Method: method, URL: parsed, Header: Header{}}, nil
}

// NoBody is none.
var NoBody io.Reader

// Response is never made.
type Response struct {
	Status     string
	StatusCode int
	Header     Header
	Body       io.ReadCloser
}

// ErrAbortHandler is what a server's handler breaks off with.
var ErrAbortHandler = errors.New("there is no network")

// RoundTripper asks.
type RoundTripper interface {
	RoundTrip(*Request) (*Response, error)
}

// DefaultTransport is for the renderer to set.
var DefaultTransport RoundTripper = &Transport{}

// Client is one of HTTP.
type Client struct {
	Timeout   time.Duration
	Transport RoundTripper
}

// DefaultClient is the usual one.
var DefaultClient = &Client{}

// Get asks for what is at an address.
func (client *Client) Get(address string) (*Response, error) {
	request, err := NewRequestWithContext(context.Background(), MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(request)
}

// Do asks.
func (client *Client) Do(request *Request) (*Response, error) {
	if client.Transport != nil {
		return client.Transport.RoundTrip(request)
	}
	return DefaultTransport.RoundTrip(request)
}

// DetectContentType does not.
func DetectContentType([]byte) string { return "" }

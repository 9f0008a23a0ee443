// Package rest has the configuration of a client that there is not.
package rest

// Config is never made.
type Config struct{}

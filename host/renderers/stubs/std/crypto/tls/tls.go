// Package tls is laid over Go's own: connections are made by nobody.
package tls

// Config has the settings that are made elsewhere.
type Config struct{ NextProtos []string }

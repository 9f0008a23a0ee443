//go:build !wasip1

package main

import "trimtab.io/renderers/guest"

func main() { guest.Serve(render) }

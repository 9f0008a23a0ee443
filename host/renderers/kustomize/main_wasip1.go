package main

import (
	"unsafe"

	"trimtab.io/renderers/guest"
)

func main() {}

//go:wasmexport allocate
func allocate(size int32) unsafe.Pointer { return guest.Allocate(size) }

//go:wasmexport prepare
func exportedPrepare() { prepare() }

//go:wasmexport render
func exportedRender(request unsafe.Pointer, length int32) int64 {
	return guest.Respond(request, length, render)
}

package guest

import (
	"runtime/debug"
	"unsafe"
)

//go:wasmimport trimtab look
func hostLook(path unsafe.Pointer, length int32) int64

//go:wasmimport trimtab take
func hostTake(to unsafe.Pointer)

// What the host holds pointers to; one call uses one of each.
var request, answer []byte

// Memory is bounded by the host, and an instance lives for one call: collecting garbage is worth its time only near
// the bound.
func init() {
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(192 << 20)
}

// Allocate is the export `allocate`.
func Allocate(size int32) unsafe.Pointer {
	request = make([]byte, max(size, 1))
	return unsafe.Pointer(&request[0])
}

// Respond is the export `render`.
func Respond(pointer unsafe.Pointer, length int32, render func([]byte) any) int64 {
	answer = Answer(unsafe.Slice((*byte)(pointer), length), render)
	return int64(uintptr(unsafe.Pointer(&answer[0])))<<32 | int64(len(answer))
}

func look(path string) (Kind, []byte) {
	answer := hostLook(unsafe.Pointer(unsafe.StringData(path)), int32(len(path)))
	switch answer {
	case -1:
		return Nothing, nil
	case -2:
		return Refused, nil
	}
	bytes := make([]byte, answer&(1<<56-1))
	if len(bytes) > 0 {
		hostTake(unsafe.Pointer(&bytes[0]))
	}
	return Kind(answer >> 56), bytes
}

package guest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
)

// Fault is an error as the host is told of it.
type Fault struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// The kinds of faults; README.md says what they mean.
const (
	BadRequest  = "request"
	Input       = "input"
	OutOfReach  = "refused"
	Remote      = "remote"
	Program     = "program"
	Impure      = "impure"
	Unsupported = "unsupported"
	Internal    = "internal"
)

func (fault *Fault) Error() string { return fault.Message }

// Answer calls render, whose answer is a *Fault or what is told to the host, as JSON.
func Answer(request []byte, render func([]byte) any) []byte {
	answer := guarded(request, render)
	if fault, failed := answer.(*Fault); failed {
		fault.Message = InRepository(fault.Message)
		answer = map[string]*Fault{"error": fault}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return []byte(`{"error": {"kind": "internal", "message": "the answer cannot be written as JSON"}}`)
	}
	return text.Bytes()
}

// A panic of a library is about this input alone: it must not look like a fault of the sandbox.
func guarded(request []byte, render func([]byte) any) (answer any) {
	defer func() {
		if reason := recover(); reason != nil {
			print(string(debug.Stack()))
			answer = &Fault{Kind: Internal, Message: fmt.Sprintf("the library broke off: %v", reason)}
		}
	}()
	return render(request)
}

// Read reads a request; fields that are not known are refused, for they would be ignored in silence.
func Read(text []byte, request any) *Fault {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(request); err != nil {
		return &Fault{Kind: BadRequest, Message: err.Error()}
	}
	return nil
}

// InRepository writes paths of the tree in a message as paths of the repository.
func InRepository(message string) string {
	message = strings.ReplaceAll(message, Mount+"/", "")
	return strings.ReplaceAll(message, Mount, ".")
}

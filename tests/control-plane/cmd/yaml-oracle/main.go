// Reads what kubectl's own reader makes of a text. A request is a line of standard input with the
// text in base64; the answer is a line of JSON: the objects, or an error.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type answer struct {
	Objects []json.RawMessage `json:"objects"`
	Error   string            `json:"error"`
}

func read(text []byte) answer {
	// The buffer's size is the one that kubectl's resource builder uses.
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	result := answer{Objects: []json.RawMessage{}}
	for {
		var document runtime.RawExtension
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return result
		}
		if err != nil {
			return answer{Error: err.Error()}
		}
		raw := bytes.TrimSpace(document.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		result.Objects = append(result.Objects, json.RawMessage(raw))
	}
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(make([]byte, 1<<20), 64<<20)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		text, err := base64.StdEncoding.DecodeString(input.Text())
		result := answer{}
		if err != nil {
			result.Error = "the request is not base64"
		} else {
			result = read(text)
		}
		if err := output.Encode(result); err != nil {
			return
		}
	}
}

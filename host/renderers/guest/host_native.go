//go:build !wasip1

package guest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var root string

// Serve is the main of a native build, for comparison: the first argument is the repository's root, the request comes
// through standard input. With a second argument it is rendered once more and then as often as that says, and how long
// each of these took is told in milliseconds.
func Serve(render func([]byte) any) {
	times := 0
	if len(os.Args) == 3 {
		times, _ = strconv.Atoi(os.Args[2])
	}
	if len(os.Args) != 2 && times < 1 {
		fmt.Fprintln(os.Stderr, "usage: renderer ROOT [TIMES] <request.json")
		os.Exit(2)
	}
	resolved, err := filepath.EvalSymlinks(os.Args[1])
	if err == nil {
		resolved, err = filepath.Abs(resolved)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	root = resolved
	request, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	os.Stdout.Write(Answer(request, render))
	for range times {
		begun := time.Now()
		Answer(request, render)
		fmt.Fprintln(os.Stderr, float64(time.Since(begun).Microseconds())/1000)
	}
}

func look(path string) (Kind, []byte) {
	asked := filepath.Join(root, path)
	resolved, err := filepath.EvalSymlinks(asked)
	if err != nil {
		return Nothing, nil
	}
	if resolved != asked {
		inside, err := filepath.Rel(root, resolved)
		if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
			return Refused, []byte(path + " is a link out of the repository")
		}
		return Link, []byte(inside)
	}
	entries, err := os.ReadDir(asked)
	if err != nil {
		bytes, err := os.ReadFile(asked)
		if err != nil {
			return Refused, []byte(err.Error())
		}
		return File, bytes
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if about, err := os.Stat(filepath.Join(asked, name)); err == nil && about.IsDir() {
			name += "/"
		}
		names = append(names, name+"\x00")
	}
	slices.Sort(names)
	return Directory, []byte(strings.Join(names, ""))
}

package prove

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// marker is the helper's argv[0].
const marker = "willrun: prove"

// Main makes this process the helper, where it was started as one, and does
// not return then. A program that calls Ask calls it before anything else,
// tests that do in their TestMain.
func Main() {
	if len(os.Args) != 1 || os.Args[0] != marker || os.Getpid() != 1 {
		return
	}
	// ptrace knows threads, and so do most of the limits.
	runtime.LockOSThread()
	if err := json.NewEncoder(os.Stdout).Encode(help()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// help answers one question, as the first process of its namespaces: whatever
// was started ends with it.
func help() Answer {
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return Answer{Why: "the question could not be read: " + err.Error()}
	}
	go func() { // who asked has gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	deadline := time.Now().Add(o.Question.Limit)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return Answer{Why: "prctl: " + err.Error()}
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		return Answer{Why: err.Error()}
	}
	if err := enter(o); err != nil {
		return Answer{Why: "the tree can't be shown to a process of its own: " + err.Error()}
	}
	t := &trial{question: o.Question, user: o.User, null: null, deadline: deadline}
	if err := t.run(); err != nil {
		var impossible *impossible
		if !errors.As(err, &impossible) {
			err = fmt.Errorf("the start could not be watched: %w", err)
		}
		return Answer{Why: err.Error()}
	}
	return t.answer
}

// impossible is a reason in words that need no more.
type impossible struct{ why string }

func (i *impossible) Error() string { return i.why }

// Command willrun says whether a program will start on another system, and
// why not. See package internal/cli.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/willrun/willrun/internal/cli"
	"github.com/willrun/willrun/prove"
)

func main() {
	prove.Main() // does not return where --prove started this process
	if os.Getenv("GOGC") == "" {
		// A run is short and its memory small: collecting seldom saves a tenth of
		// its time, and the limit keeps large runs as small as they were.
		debug.SetGCPercent(800)
		debug.SetMemoryLimit(256 << 20)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, cli.World{
		Args:   os.Args[1:],
		Env:    os.Environ(),
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	})
	stop()
	os.Exit(code)
}

// Command dump prints how it was started, as one line of JSON: the program
// that a real systemd starts in truth_test.go. Called poweroff, it ends PID 1.
package main

import (
	"encoding/json"
	"os"
	"syscall"
)

func main() {
	if len(os.Args) > 0 && os.Args[0] == "/bin/poweroff" {
		syscall.Kill(1, syscall.Signal(34+14)) // SIGRTMIN+14, see systemd(1)
		return
	}
	groups, _ := os.Getgroups()
	cwd, _ := os.Getwd()
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"argv": os.Args, "env": os.Environ(), "uid": os.Getuid(), "gid": os.Getgid(), "groups": groups, "cwd": cwd,
	})
}

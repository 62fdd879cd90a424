package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/willrun/willrun/target"
)

// completeTargets gives releases, groups and kinds of targets, and for those
// that are paths the files. What stands before the last comma was typed
// already.
func completeTargets(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	names := slices.Concat(target.Kinds(), target.Groups(), target.Releases())
	if kind, path, ok := strings.Cut(typed[len(before):], ":"); ok && slices.Contains([]string{"dir", "archive", "oci", "index"}, kind) {
		names = nil
		for _, name := range pathsFrom(path, kind == "dir" || kind == "oci") {
			names = append(names, kind+":"+name)
		}
	}
	var words []string
	for _, name := range names {
		if word := before + name; strings.HasPrefix(word, typed) {
			words = append(words, word)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// maxCompletions that a shell is given: nobody reads more.
const maxCompletions = 1000

// pathsFrom completes a path. The shell can't, for it would take the kind of
// target for a part of it.
func pathsFrom(typed string, onlyDirs bool) (list []string) {
	dir, start := filepath.Split(typed)
	entries, err := os.ReadDir(filepath.Join(".", dir))
	if strings.HasPrefix(dir, "/") {
		entries, err = os.ReadDir(dir)
	}
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, start) || strings.HasPrefix(name, ".") && start == "" || len(list) == maxCompletions {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case err != nil:
		case info.IsDir():
			list = append(list, dir+name+"/")
		case !onlyDirs:
			list = append(list, dir+name)
		}
	}
	return list
}

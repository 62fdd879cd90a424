package binary

import (
	"slices"
	"strings"
)

// EnvCommand is the program that /usr/bin/env starts when a #! line gives it
// that one argument: GNU env of coreutils 8.30 and newer where the argument
// has -S (src/env.c, build_argv), any env where it has not. Without -S the
// whole argument is one name, blanks and all. ok is false where env would do
// something else than start a program named there, or where what it does
// hangs on its environment.
func EnvCommand(arg string) (name string, ok bool) {
	words := []string{arg}
	for range maxEnvSplits {
		before, text, after, is := envSplit(words)
		if !is {
			return envOperand(words)
		}
		parts, ok := splitEnv(text)
		if !ok {
			return "", false
		}
		words = slices.Concat(before, parts, after)
	}
	return "", false
}

// maxEnvSplits: each -S makes words that may hold another one.
const maxEnvSplits = 16

// UsesEnvSplit tells of an argument with -S, which env of coreutils before
// 8.30 and of busybox do not know.
func UsesEnvSplit(arg string) bool {
	_, _, _, is := envSplit([]string{arg})
	return is
}

// envSplit finds the first -S among the options, and gives the text that it
// splits and the words around it.
func envSplit(words []string) (before []string, text string, after []string, is bool) {
	for i, w := range words {
		if text, is := cutLong(w, "split-string"); is {
			return words[:i], text, words[i+1:], true
		}
		if len(w) < 2 || w[0] != '-' || w[1] == '-' {
			break
		}
		// Short options may stand together; only these take no value.
		letters := strings.TrimLeft(w[1:], "iv0")
		if options := w[:len(w)-len(letters)]; options != "-" {
			before = append(before, options)
		}
		if text, is := strings.CutPrefix(letters, "S"); is {
			if after = words[i+1:]; text == "" && len(after) > 0 {
				text, after = after[0], after[1:]
			}
			return before, text, after, true
		}
		if letters != "" {
			break
		}
	}
	return nil, "", nil, false
}

// cutLong is the value of --name=value; a long option may be cut short as
// long as it is not another's beginning (getopt_long).
func cutLong(word, name string) (value string, is bool) {
	key, value, has := strings.Cut(word, "=")
	key, long := strings.CutPrefix(key, "--")
	return value, has && long && key != "" && strings.HasPrefix(name, key)
}

// envOperand skips options and assignments. Without PATH, or with another
// one, env looks a name up elsewhere: only a path is certain then.
func envOperand(words []string) (name string, ok bool) {
	options, path := true, true
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case options && w == "--":
			options = false
		case options && w == "--debug":
		case options && (w == "-" || w == "--ignore-environment"):
			path = false
		case options && (w == "-u" || w == "-C" || w == "--unset" || w == "--chdir"):
			// With another directory a relative name is another program.
			if w == "-C" || w == "--chdir" {
				return "", false
			}
			i++
			path = path && i < len(words) && words[i] != "PATH"
		case options && (strings.HasPrefix(w, "--unset=") || strings.HasPrefix(w, "-u")):
			path = path && !strings.HasSuffix(w, "PATH")
		case options && strings.HasPrefix(w, "--"), options && strings.HasPrefix(w, "-") && strings.Trim(w[1:], "iv") != "":
			return "", false // ends env, or needs more than a name to know
		case options && strings.HasPrefix(w, "-"):
			path = path && !strings.Contains(w, "i")
		case strings.Contains(w, "="):
			options, path = false, path && !strings.HasPrefix(w, "PATH=")
		default:
			return w, w != "" && (path || strings.Contains(w, "/"))
		}
	}
	return "", false
}

// splitEnv splits as -S does: at blanks outside of quotes, with backslash
// sequences, and # at a word's start for a comment. ok is false for what env
// refuses, and for ${NAME}, whose value is not known here.
func splitEnv(text string) (words []string, ok bool) {
	var word strings.Builder
	in, quote := false, byte(0)
	end := func() {
		if in {
			words = append(words, word.String())
			word.Reset()
			in = false
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			i++
			if i == len(text) {
				return nil, false
			}
			if quote == '\'' && text[i] != '\\' && text[i] != '\'' {
				word.WriteByte('\\')
				word.WriteByte(text[i])
				continue
			}
			switch text[i] {
			case '_':
				if quote == 0 {
					end()
					continue
				}
				word.WriteByte(' ')
			case 'c':
				end()
				return words, quote == 0
			case '"', '#', '$', '\'', '\\':
				word.WriteByte(text[i])
			case 'f', 'n', 'r', 't', 'v':
				word.WriteByte("\f\n\r\t\v"[strings.IndexByte("fnrtv", text[i])])
			default:
				return nil, false
			}
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && strings.IndexByte(" \t\n\v\f\r", c) >= 0:
			end()
		case quote == 0 && c == '#' && !in:
			return words, true
		case quote != '\'' && c == '$':
			return nil, false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	end()
	return words, quote == 0
}

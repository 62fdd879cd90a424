package judge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/willrun/willrun/root"
	"github.com/willrun/willrun/target"
)

// cpuLevels of x86-64, lowest first.
var cpuLevels = []string{"x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"}

// armLevels part 64-bit ARM CPUs by the atomic instructions of ARMv8.1 (LSE),
// which Go can be told to need.
var armLevels = []string{"armv8.0", "armv8.1"}

// CPULevels lists the levels that a user can name.
func CPULevels() []string { return slices.Concat(cpuLevels, armLevels) }

// KnownCPU checks the word of --cpu; "x86-64" is the first level's other name.
func KnownCPU(level string) error {
	if level == "" || level == "x86-64" || slices.Contains(CPULevels(), level) {
		return nil
	}
	return errors.New("one of " + strings.Join(CPULevels(), ", "))
}

// circumstances fills in what the user left open, and states it.
func (tr *trial) circumstances(b *Bench, c Circumstances) {
	t, o := tr.target, &tr.options
	o.PageSize, o.Bindings, o.Memo = t.PageSize, c.Bindings, &b.memo
	o.Cwd = c.Cwd
	if o.Cwd == "" {
		o.Cwd = "/"
	}
	tr.image(c)
	tr.subject.own.apply(tr, c)
	tr.assumed.Cwd = o.Cwd
	if c.User != nil {
		o.User = *c.User
	}
	tr.assumed.User = userText(o.User)
	tr.machine(c)
	tr.environment(b, c)
	tr.cpu(c)
	tr.kernel(c)
	if t.Host != nil {
		o.Noexec, o.NoSuid = t.Host.Noexec, t.Host.NoSuid
		o.CPU.Platform, o.CPU.HWCaps = t.Host.Platform, t.Host.HWCaps
	}
}

// image: an image's own working directory and user, where nothing else was
// asked for. A user that its passwd does not have is told when it starts.
func (tr *trial) image(c Circumstances) {
	i := tr.target.Root.Image
	if i == nil {
		return
	}
	if c.Cwd == "" && strings.HasPrefix(i.Dir, "/") {
		tr.options.Cwd = i.Dir
	}
	if c.User == nil && i.User != "" {
		cred, err := tr.target.Root.User(i.User)
		if err != nil {
			tr.unknown = append(tr.unknown, fmt.Sprintf("the image's user %s is not known to it (%v); --user says whose rights count", i.User, err))
		}
		tr.options.User = cred
	}
}

// machine of the kernel: as given, this machine's, the tree's own, else the
// file's. A tree of 32-bit programs says nothing of the kernel below it, and
// that runs 64-bit ones as well.
func (tr *trial) machine(c Circumstances) {
	m := c.Machine
	if m == "" && tr.target.Host != nil {
		m = tr.target.Host.Machine
	}
	if m == "" {
		m = tr.target.Machine
		if wide, ok := map[string]string{"i386": "x86-64", "arm": "aarch64"}[m]; ok {
			m = wide
		}
	}
	if m == "" && c.CPU != "" {
		m = "x86-64"
		if slices.Contains(armLevels, c.CPU) {
			m = "aarch64"
		}
	}
	if e := tr.subject.Facts.ELF; m == "" && e != nil {
		m = e.Machine
		if m == "i386" {
			m = "x86-64"
		}
	}
	tr.options.Machine = m
	tr.assumed.Platform = "any"
	if m != "" {
		tr.assumed.Platform = "linux/" + target.GoArch(m)
	}
}

func (tr *trial) environment(b *Bench, c Circumstances) {
	env := []string{DefaultPath}
	switch own := tr.subject.own; {
	case own != nil && own.Env != nil:
		env = own.Env
	case tr.target.Host != nil:
		env = slices.Clone(b.env)
	case tr.target.Root.Image != nil && len(tr.target.Root.Image.Env) > 0:
		env = slices.Clone(tr.target.Root.Image.Env)
	}
	env = withEnv(env, c.Env)
	tr.options.Env = env
	tr.assumed.Env = env
	if tr.target.Host != nil {
		tr.assumed.Env = slices.DeleteFunc(slices.Clone(env), unimportant)
	}
}

// unimportant variables of the caller have no influence on a start, and may
// be secrets.
func unimportant(kv string) bool {
	key, _, _ := strings.Cut(kv, "=")
	return !strings.HasPrefix(key, "LD_") && key != "GLIBC_TUNABLES" && key != "PATH" && key != "SSL_CERT_FILE" && key != "SSL_CERT_DIR" && key != "ZONEINFO"
}

// cpu: one level as given, this machine's for host, else every level from the
// target's baseline on.
func (tr *trial) cpu(c Circumstances) {
	level, baseline := c.CPU, tr.target.Baseline
	if level == "x86-64" {
		level = cpuLevels[0]
	}
	if level == "" && tr.target.Host != nil {
		level = tr.target.Host.CPU
	}
	switch {
	case tr.options.Machine == "aarch64" && slices.Contains(armLevels, level):
		tr.levels = []string{level}
		tr.assumed.CPU = level
	case tr.options.Machine == "aarch64" && tr.target.Host == nil:
		tr.levels = armLevels
		tr.assumed.CPU = "every level from " + armLevels[0]
	case tr.options.Machine != "x86-64":
		tr.levels = []string{""}
		tr.assumed.CPU = "any"
	case slices.Contains(cpuLevels, level):
		tr.levels = []string{level}
		tr.assumed.CPU = level
	default:
		from := max(0, slices.Index(cpuLevels, baseline))
		tr.levels = cpuLevels[from:]
		tr.assumed.CPU = "every level from " + cpuLevels[from]
	}
}

func (tr *trial) kernel(c Circumstances) {
	tr.assumed.Kernel = "any"
	switch {
	case c.Kernel != nil:
		tr.options.Kernel = *c.Kernel
		tr.assumed.Kernel = fmt.Sprintf("%d.%d.%d", c.Kernel[0], c.Kernel[1], c.Kernel[2])
	case tr.target.Kernel != [3]uint32{}:
		tr.options.Kernel = tr.target.Kernel
		tr.assumed.Kernel = fmt.Sprintf("%d.%d.%d", tr.target.Kernel[0], tr.target.Kernel[1], tr.target.Kernel[2])
	case tr.target.Host != nil:
		tr.options.Kernel = tr.target.Host.Kernel
		tr.assumed.Kernel = tr.target.Host.Release
	}
}

// layers remembers targets with directories laid over them: every subject of
// a run has the same.
type layers struct {
	mu    sync.Mutex
	trees map[layering]*root.Root
	dirs  []*root.Root
}

// layering is a target with what lies over it. What --with names is the same
// for all of a run.
type layering struct {
	target  *target.Target
	payload *payload
}

func (b *Bench) layered(t *target.Target, with []Layer, p *payload) (*root.Root, error) {
	if len(with) == 0 && p == nil {
		return t.Root, nil
	}
	key := layering{t, p}
	b.lay.mu.Lock()
	defer b.lay.mu.Unlock()
	if tree := b.lay.trees[key]; tree != nil {
		return tree, nil
	}
	tree := t.Root
	for _, l := range with {
		dir, err := root.Dir(l.Dir)
		if err != nil {
			return nil, err
		}
		b.lay.dirs = append(b.lay.dirs, dir)
		if tree, err = tree.WithDir(l.Place, dir); err != nil {
			return nil, err
		}
	}
	if p != nil {
		over, err := tree.WithEntries(p.entries)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		tree = over
	}
	if b.lay.trees == nil {
		b.lay.trees = map[layering]*root.Root{}
	}
	b.lay.trees[key] = tree
	return tree, nil
}

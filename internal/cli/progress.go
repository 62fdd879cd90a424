package cli

import (
	"fmt"
	"time"
)

// progress is a line on a terminal's standard error that comes and goes.
type progress struct {
	app     *app
	started time.Time
	last    time.Time
	shown   bool
}

// line shows a text; it is quiet for the first half second, and then seldom.
func (p *progress) line(text string) {
	if p == nil || time.Since(p.started) < 500*time.Millisecond || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.app.Stderr, "\r\x1b[K%s", text)
}

// show tells how many were judged.
func (p *progress) show(judged int, file string) {
	if len(file) > 50 {
		file = "…" + file[len(file)-49:]
	}
	p.line(fmt.Sprintf("%d judged  %q", judged, file))
}

func (p *progress) clear() {
	if p != nil && p.shown {
		fmt.Fprint(p.app.Stderr, "\r\x1b[K")
		p.shown = false
	}
}

// pulling shows how much of an image has come; nil where nobody looks.
func (a *app) pulling() func(done, total int64) {
	if _, tty := terminal(a.Stderr); !tty {
		return nil
	}
	p := &progress{app: a, started: time.Now()}
	return func(done, total int64) {
		if done >= total {
			p.clear()
			return
		}
		p.line(fmt.Sprintf("pulling  %d of %d MB", done>>20, total>>20))
	}
}

package explain

import (
	"fmt"
	"time"

	"github.com/willrun/willrun/diagnosis"
)

// Life is how long a release gets security fixes. Zero days are not known.
type Life struct {
	Release  string    // "CentOS Linux 8"
	EOL      time.Time // last day of general support
	Extended time.Time // last day of paid or long-term support
}

// EndOfLife notes that a target gets no more fixes at a day; ok is false
// while it does, or where its dates are not known.
func EndOfLife(life Life, asOf time.Time) (f diagnosis.Finding, ok bool) {
	if life.EOL.IsZero() || !asOf.After(endOf(life.EOL)) {
		return f, false
	}
	detail := fmt.Sprintf("%s gets no more security fixes since %s", life.Release, life.EOL.Format(time.DateOnly))
	switch {
	case life.Extended.IsZero():
	case asOf.After(endOf(life.Extended)):
		detail += fmt.Sprintf(", and none from extended support since %s", life.Extended.Format(time.DateOnly))
	default:
		detail += fmt.Sprintf(", but from extended support until %s", life.Extended.Format(time.DateOnly))
	}
	return diagnosis.Finding{Cause: diagnosis.TargetEndOfLife, Severity: diagnosis.Note, Detail: detail}, true
}

// endOf is the last moment of a day, in UTC.
func endOf(day time.Time) time.Time { return day.AddDate(0, 0, 1).Add(-time.Nanosecond) }

package explain

import (
	"fmt"

	"github.com/willrun/willrun/diagnosis"
)

// Unrequired: a package that does not ask for what its program needs installs
// where that is not there.
func Unrequired(pkg, program, what string) diagnosis.Finding {
	return diagnosis.Finding{Cause: diagnosis.PackageRequires, Severity: diagnosis.Risk, Object: program, Library: what,
		Detail:   fmt.Sprintf("%s needs %s, and the package %s does not require it: it installs where that is not there", program, what, pkg),
		Remedies: []diagnosis.Remedy{{Why: "let the packaging tool find out what programs need (rpm: AutoReq; nfpm and fpm: name it under depends)"}}}
}

// Unneeded: a package asks for a library that no file of it needs.
func Unneeded(pkg, soname string) diagnosis.Finding {
	return diagnosis.Finding{Cause: diagnosis.PackageRequires, Severity: diagnosis.Note, Library: soname,
		Detail: fmt.Sprintf("the package %s requires %s, and no file of it needs that", pkg, soname)}
}

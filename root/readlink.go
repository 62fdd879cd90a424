package root

// Readlink is the text of a symbolic link that Lstat gave.
func (r *Root) Readlink(info Info) (string, error) { return r.store.readlink(info.Path) }

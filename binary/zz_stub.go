package binary

import "io"

func readGo(r io.ReaderAt, size int64, f *Facts, v *view) {}
func readPE(r io.ReaderAt, size int64, f *Facts)          {}
func readMachO(r io.ReaderAt, size int64, f *Facts)       {}
func isMachO(head []byte) bool                            { return false }

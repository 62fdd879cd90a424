package main

// #include <stdlib.h>
// #include <math.h>
// #cgo LDFLAGS: -lm
// static int two(int x){ return abs(x)*2 + (int)sqrt((double)x); }
import "C"
import "os"

func main() {
	os.Stdout.WriteString("MARK\n")
	if C.two(4) != 10 {
		os.Exit(3)
	}
}

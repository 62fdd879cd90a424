package main

import "C"
import "fmt"

//export f
func f() C.int { _ = fmt.Sprint(1); return 42 }
func main()    {}

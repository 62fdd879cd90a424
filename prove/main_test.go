package prove_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/willrun/willrun/internal/lab"
	"github.com/willrun/willrun/prove"
)

// askVariable holds a question, and makes the test binary one who asks it.
const askVariable = "WILLRUN_PROVE_ASK"

func TestMain(m *testing.M) {
	prove.Main()
	if text := os.Getenv(askVariable); text != "" {
		var q prove.Question
		if err := json.Unmarshal([]byte(text), &q); err != nil {
			panic(err)
		}
		a, err := prove.Ask(context.Background(), q)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			panic(err)
		}
		return
	}
	lab.Main(m)
}

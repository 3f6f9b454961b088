package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parascope/parascope/internal/hint"
	"github.com/parascope/parascope/internal/term"
)

// Ask asks a question that is answered with yes or no. Where standard input is not a
// terminal it prints the question and returns an error of kind hint.Usage. An interrupt
// is an answer too, though a read of the terminal cannot be cut off.
func (p *Process) Ask(ctx context.Context, question string) (bool, error) {
	none := hint.New(hint.Usage, errors.New("cannot prompt: stdin is not a terminal"), "run the command with --yes in scripts")
	if !term.IsInputTerminal(p.Stdin) {
		fmt.Fprintln(p.Stderr, term.CleanLines(question))
		return false, none
	}
	fmt.Fprintf(p.Stderr, "%s [y/N] ", term.CleanLines(question))
	answers := make(chan string, 1)
	go func() {
		defer close(answers)
		if line, err := readLine(p.Stdin); err == nil {
			answers <- strings.ToLower(strings.TrimSpace(line))
		}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(p.Stderr)
		return false, ctx.Err()
	case answer, there := <-answers:
		if !there {
			fmt.Fprintln(p.Stderr)
			return false, none
		}
		return answer == "y" || answer == "yes", nil
	}
}

// readLine reads to the end of a line and no further: what follows is the answer to
// the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for one := make([]byte, 1); ; {
		n, err := r.Read(one)
		switch {
		case n > 0 && one[0] == '\n':
			return string(line), nil
		case n > 0:
			line = append(line, one[0])
		case err != nil:
			return "", err
		}
	}
}

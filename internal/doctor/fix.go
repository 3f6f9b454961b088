package doctor

import "context"

// Fix is a repair of what a check found. Each can be undone.
type Fix struct {
	Check string // ID
	What  string // it does
	Undo  string // how to have it as it was
	Do    func(context.Context) error
}

//go:build !linux

package queue

import "errors"

func punch(string, int64) error { return errors.ErrUnsupported }

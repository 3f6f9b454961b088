//go:build !race

package head

// raceDetector: see racing_test.go.
const raceDetector = false

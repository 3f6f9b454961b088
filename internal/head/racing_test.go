//go:build race

package head

// raceDetector says that the race detector is in the program, which takes several times the memory.
const raceDetector = true

package slurmstat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/parascope/parascope/internal/collect/read"
	"github.com/parascope/parascope/internal/slurm"
)

const (
	maxStateFile = 64 << 20
	// maxTargetsAge is how old targets can be that a restarted program takes over: addresses are given to other instances.
	maxTargetsAge = 24 * time.Hour
)

// State is what survives a restart: what was counted, the targets, and when slurmctld answered. Times are zero where it
// has not.
type State struct {
	Tracker  *Tracker
	Targets  slurm.Discovery
	Answered time.Time // a command of a snapshot
}

// stateFile is a State as it is saved.
type stateFile struct {
	trackerState
	Targets  []slurm.Target
	Listed   time.Time // when slurmctld returned the targets
	Answered time.Time
}

// Save writes the state to file, at once or not at all.
func (s *State) Save(file string) error {
	saved := stateFile{trackerState: s.Tracker.state, Answered: s.Answered}
	saved.Targets, saved.Listed = s.Targets.Targets()
	b, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("could not save the counts of Slurm's jobs: %w", err)
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("could not save the counts of Slurm's jobs: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return nil
}

// LoadState reads what Save wrote. A file that does not exist is a new state. What cannot be read or believed is an error
// beside a state without it: counters then begin at 0, as after any reset, or there are no targets until slurmctld answers.
func LoadState(file string, now time.Time) (State, error) {
	s := State{Tracker: NewTracker()}
	b, err := read.Regular(file, maxStateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("could not read the counts of Slurm's jobs: %w", err)
	}
	var saved stateFile
	if err := json.Unmarshal(b, &saved); err != nil || !saved.valid() {
		return s, fmt.Errorf("could not read the counts of Slurm's jobs: %s was written by another version; counters restart at 0", file)
	}
	s.Tracker.state = saved.trackerState
	if saved.Answered.After(now) || saved.Listed.After(now) {
		return s, fmt.Errorf("the timestamps in %s are in the future; its targets are not scraped until slurmctld answers", file)
	}
	s.Answered = saved.Answered
	if saved.Listed.IsZero() || now.Sub(saved.Listed) > maxTargetsAge {
		return s, nil
	}
	if err := s.Targets.Restore(saved.Targets, saved.Listed); err != nil {
		return s, fmt.Errorf("the targets in %s are not scraped until slurmctld answers: %w", file, err)
	}
	return s, nil
}

package price

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/shopspring/decimal"
)

// maxFile bounds a file of prices.
const maxFile = 4 << 20

// Save adds prices to a file of them, each in the place of an older one, and makes the file and its
// directory where they are not there.
func Save(file string, prices []Price) error {
	has, err := readFile(file)
	if err != nil {
		return err
	}
	l := List{prices: map[key]Price{}}.With(has...).With(prices...)
	var all []Price
	for _, p := range l.prices {
		all = append(all, p)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("could not save the prices: %w", err)
	}
	beside := file + ".new"
	if err := errors.Join(os.WriteFile(beside, text, 0o644), os.Rename(beside, file)); err != nil {
		return fmt.Errorf("could not save the prices: %w", err)
	}
	return nil
}

// WithFile is the list with the prices of a file; one that is not there changes nothing.
func (l List) WithFile(file string) (List, error) {
	prices, err := readFile(file)
	if err != nil {
		return l, err
	}
	return l.With(prices...), nil
}

func readFile(file string) ([]Price, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readPrices(file, f)
}

// readPrices reads what Save writes, and refuses what makes no price.
func readPrices(file string, from io.Reader) ([]Price, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return nil, err
	}
	var all []Price
	if len(text) > maxFile || json.Unmarshal(text, &all) != nil {
		return nil, fmt.Errorf("%s is not a price file", file)
	}
	for _, p := range all {
		for _, n := range append([]Tier{{From: p.Per}}, p.Tiers...) {
			if n.From.Exponent() < -20 || n.From.Exponent() > 20 || n.From.NumDigits() > 40 {
				return nil, fmt.Errorf("%s has an invalid number for item %.40q", file, p.Item)
			}
		}
		_, err := time.Parse(time.DateOnly, p.Date)
		if err != nil || p.Item == "" || p.Source == "" || len(p.Tiers) == 0 || !p.Tiers[0].From.IsZero() || !p.Per.GreaterThan(decimal.Zero) {
			return nil, fmt.Errorf("%s has a price without a date, a source or tiers for item %.40q", file, p.Item)
		}
	}
	return all, nil
}

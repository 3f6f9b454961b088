package slurm

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// SharesArgs are the arguments of sshare for ParseShares.
var SharesArgs = []string{"-a", "-P", "-n", "-o", "Account,User,RawShares,NormShares,RawUsage,EffectvUsage,FairShare"}

// Share is the fair share of an account, or of a user in an account.
type Share struct {
	Account, User string // the user is empty for the account itself
	NormShares    float64
	RawUsage      float64
	EffectiveUse  float64
	FairShare     float64 // valid if HasFairShare: accounts have none
	HasFairShare  bool
}

// ParseShares reads the output of sshare. Lines that are no share are counted in an error; a last line without
// all fields means that the output is cut off, which is an error without shares.
func ParseShares(out []byte) ([]Share, error) {
	var shares []Share
	var bad int
	var cut bool
	seen := map[[2]string]bool{}
	for line := range bytes.Lines(out) {
		text := strings.TrimRight(string(line), "\r\n")
		if strings.TrimSpace(text) == "" {
			continue
		}
		f := strings.Split(text, "|")
		if cut = len(f) < 7; cut || len(f) > 7 {
			bad++
			continue
		}
		s := Share{Account: strings.TrimSpace(f[0]), User: strings.TrimSpace(f[1])}
		owner := [2]string{s.Account, s.User}
		if seen[owner] {
			bad++
			continue
		}
		seen[owner] = true
		s.NormShares, s.RawUsage, s.EffectiveUse = decimal(f[3]), decimal(f[4]), decimal(f[5])
		if v, err := strconv.ParseFloat(f[6], 64); err == nil {
			s.FairShare, s.HasFairShare = v, true
		}
		shares = append(shares, s)
	}
	switch {
	case cut:
		return nil, cutOff("sshare")
	case bad > 0:
		return shares, fmt.Errorf("sshare: %d lines do not have 7 fields, or are duplicates", bad)
	}
	return shares, nil
}

func decimal(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return v
}

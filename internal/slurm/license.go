package slurm

import "fmt"

// LicensesArgs are the arguments of scontrol for ParseLicenses.
var LicensesArgs = []string{"show", "licenses", "-o"}

// License is a counted resource that is bound to no node.
type License struct {
	Name                        string
	Total, Used, Free, Reserved int
}

// ParseLicenses reads the output of scontrol show licenses. Records that are no licence
// are counted in an error; a last one without all numbers means that the output is cut off, which is an error without licences.
func ParseLicenses(out []byte) ([]License, error) {
	var all []License
	var bad int
	var cut bool
	seen := map[string]bool{}
	for _, r := range splitRecords(out, "LicenseName=") {
		l := License{
			Name: r.get("LicenseName"), Total: number(r.get("Total")), Used: number(r.get("Used")), Free: number(r.get("Free")),
			Reserved: number(r.get("Reserved")),
		}
		if cut = !r.has("Reserved"); l.Name == "" || cut || seen[l.Name] {
			bad++
			continue
		}
		seen[l.Name] = true
		all = append(all, l)
	}
	switch {
	case cut:
		return nil, cutOff("scontrol show licenses")
	case bad > 0:
		return all, fmt.Errorf("scontrol show licenses: %d records have no name or numbers, or are duplicates", bad)
	}
	return all, nil
}

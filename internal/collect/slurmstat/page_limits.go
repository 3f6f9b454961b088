package slurmstat

import (
	"strconv"

	"github.com/parascope/parascope/internal/collect/page"
	"github.com/parascope/parascope/internal/slurm"
)

// maxNames is how many reservations and how many licences have series.
const maxNames = 200

func writeReservations(p *page.Page, all []slurm.Reservation) {
	shown := all[:min(len(all), maxNames)]
	for i := range shown {
		r := &shown[i]
		p.Sample(reservationInfo, 1, r.Name, r.Partition, r.State, strconv.FormatBool(r.Maintenance()))
	}
	for _, f := range []struct {
		family *page.Family
		value  func(r *slurm.Reservation) float64
	}{
		{reservationNodes, func(r *slurm.Reservation) float64 { return float64(r.Nodes) }},
		{reservationCores, func(r *slurm.Reservation) float64 { return float64(r.Cores) }},
		{reservationStart, func(r *slurm.Reservation) float64 { return float64(r.Start.Unix()) }},
		{reservationEnd, func(r *slurm.Reservation) float64 { return float64(r.End.Unix()) }},
	} {
		for i := range shown {
			p.Sample(f.family, f.value(&shown[i]), shown[i].Name)
		}
	}
	if left := len(all) - len(shown); left > 0 {
		p.Sample(namesLeftOut, float64(left), "reservation")
	}
}

func writeLicenses(p *page.Page, all []slurm.License) {
	shown := all[:min(len(all), maxNames)]
	for _, f := range []struct {
		family *page.Family
		value  func(l *slurm.License) int
	}{
		{licenseTotal, func(l *slurm.License) int { return l.Total }},
		{licenseUsed, func(l *slurm.License) int { return l.Used }},
		{licenseFree, func(l *slurm.License) int { return l.Free }},
		{licenseReserved, func(l *slurm.License) int { return l.Reserved }},
	} {
		for i := range shown {
			p.Sample(f.family, float64(f.value(&shown[i])), shown[i].Name)
		}
	}
	if left := len(all) - len(shown); left > 0 {
		p.Sample(namesLeftOut, float64(left), "license")
	}
}

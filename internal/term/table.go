package term

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Column is one column of a table.
type Column struct {
	Title string
	Right bool // aligned right, as numbers are
}

// Table writes rows under the titles of their columns, two spaces apart. The
// last column is never padded, so that long text may wrap where it will.
func Table(w io.Writer, s Styler, columns []Column, rows [][]string) error {
	return drawTable(w, s, columns, cleanRows(rows))
}

// drawTable is Table for rows that are clean.
func drawTable(w io.Writer, s Styler, columns []Column, rows [][]string) error {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = Columns(c.Title)
		for _, row := range rows {
			widths[i] = max(widths[i], Columns(row[i]))
		}
	}
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.Title
	}
	var b strings.Builder
	b.WriteString(s.Faint(line(columns, widths, titles)) + "\n")
	for _, row := range rows {
		b.WriteString(line(columns, widths, row) + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("could not write the table: %w", err)
	}
	return nil
}

func cleanRows(rows [][]string) [][]string {
	clean := make([][]string, len(rows))
	for i, row := range rows {
		clean[i] = make([]string, len(row))
		for j, cell := range row {
			clean[i][j] = cleanPainted(cell)
		}
	}
	return clean
}

func line(columns []Column, widths []int, cells []string) string {
	var b strings.Builder
	for i, cell := range cells {
		pad := strings.Repeat(" ", widths[i]-Columns(cell))
		switch {
		case columns[i].Right:
			b.WriteString(pad + cell)
		case i < len(cells)-1:
			b.WriteString(cell + pad)
		default:
			b.WriteString(cell)
		}
		if i < len(cells)-1 {
			b.WriteString("  ")
		}
	}
	return b.String()
}

var escape = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Columns is how many columns text takes on a terminal; colours take none.
func Columns(text string) int {
	return utf8.RuneCountInString(escape.ReplaceAllString(text, ""))
}

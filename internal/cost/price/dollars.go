package price

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// Dollars are US dollars, exact to the last digit, or unknown. The zero value is
// unknown: a price that nobody wrote down is never nothing.
type Dollars struct {
	amount decimal.Decimal
	known  bool
}

// Exactly is a known amount.
func Exactly(amount decimal.Decimal) Dollars { return Dollars{amount, true} }

// ParseDollars reads an amount such as 55.04, with or without "$"; "unknown" is one.
func ParseDollars(text string) (Dollars, error) {
	if text == "unknown" {
		return Dollars{}, nil
	}
	amount, err := decimal.NewFromString(strings.TrimPrefix(text, "$"))
	if err != nil || len(text) > 40 || amount.Exponent() < -20 || amount.Exponent() > 20 {
		return Dollars{}, fmt.Errorf("%.40q is not an amount in dollars", text)
	}
	if amount.IsNegative() {
		return Dollars{}, fmt.Errorf("%.40q is negative", text)
	}
	return Exactly(amount), nil
}

// Amount is the amount, if it is known.
func (d Dollars) Amount() (amount decimal.Decimal, known bool) { return d.amount, d.known }

// IsKnown reports whether the amount is known.
func (d Dollars) IsKnown() bool { return d.known }

// Plus is the sum, unknown if a part of it is.
func (d Dollars) Plus(e Dollars) Dollars {
	return Dollars{d.amount.Add(e.amount), d.known && e.known}
}

// Times is n of it, unknown if it is; none of what is unknown is unknown too.
func (d Dollars) Times(n decimal.Decimal) Dollars { return Dollars{d.amount.Mul(n), d.known} }

// Exceeds reports whether both amounts are known and d is the larger one.
func (d Dollars) Exceeds(e Dollars) bool { return d.known && e.known && d.amount.GreaterThan(e.amount) }

// String is the amount in cents: "$32.85", "under $0.01" or "unknown".
func (d Dollars) String() string {
	switch {
	case !d.known:
		return "unknown"
	case d.amount.IsPositive() && d.amount.LessThan(decimal.New(1, -2)):
		return "under $0.01"
	}
	return "$" + grouped(d.amount.StringFixed(2))
}

// Exact is the amount with all of its digits.
func (d Dollars) Exact() string {
	if !d.known {
		return "unknown"
	}
	return "$" + d.amount.String()
}

// MarshalJSON writes a number, or null for what is unknown.
func (d Dollars) MarshalJSON() ([]byte, error) {
	if !d.known {
		return []byte("null"), nil
	}
	return []byte(d.amount.String()), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Dollars) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*d = Dollars{}
		return nil
	}
	read, err := ParseDollars(string(text))
	if err == nil {
		*d = read
	}
	return err
}

// grouped puts commas between the thousands of an amount.
func grouped(amount string) string {
	whole, cents, _ := strings.Cut(amount, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole + "." + cents
}

package parascope_test

const (
	sigv4Dir     = "internal/localaws/sigv4"
	gatewayDir   = "internal/localaws/gateway"
	dataplaneDir = "internal/localaws/amp/dataplane"
	ampDir       = "internal/localaws/amp"
	stsDir       = "internal/localaws/sts"
)

// mutations are the rules by which the local cloud refuses what AWS refuses. A
// rule that can be switched off unnoticed would let the product rely on
// something that AWS does not do.
var mutations = []mutation{
	// Who signed, and when.
	{
		rule: "signature checking", file: sigv4Dir + "/verify.go",
		from: "if !hmac.Equal(s.sum, sign(key.Secret, s, toSign)) {",
		to:   "if false {",
		pkg:  sigv4Dir, test: "TestSDKSignatures",
	},
	{
		rule: "signature checking at the front door", file: gatewayDir + "/gateway.go",
		from: "if err := signature.Verify(req.Request, req.Body, key, req.Now); err != nil {",
		to:   "if err := signature.Verify(req.Request, req.Body, key, req.Now); false {",
		pkg:  stsDir, test: "TestRefusedCredentials",
	},
	{
		rule: "the hash of the body that a client names", file: sigv4Dir + "/canonical.go",
		from: "case claimed != actual:",
		to:   "case false:",
		pkg:  sigv4Dir, test: "TestNamedPayloadHash",
	},
	{
		rule: "clock skew, signed in the past", file: sigv4Dir + "/verify.go",
		from: "case s.Time.Before(oldest):",
		to:   "case false:",
		pkg:  sigv4Dir, test: "TestClockSkew",
	},
	{
		rule: "clock skew, signed in the future", file: sigv4Dir + "/verify.go",
		from: "case s.Time.After(now.Add(maxSkew)):",
		to:   "case false:",
		pkg:  sigv4Dir, test: "TestClockSkew",
	},
	{
		rule: "expired session token", file: sigv4Dir + "/verify.go",
		from: "if !key.Expires.IsZero() && !now.Before(key.Expires) {",
		to:   "if false {",
		pkg:  stsDir, test: "TestAssumeRole",
	},
	{
		rule: "session token belongs to its key", file: sigv4Dir + "/verify.go",
		from: "if subtle.ConstantTimeCompare([]byte(s.Token), []byte(key.SessionToken)) != 1 {",
		to:   "if subtle.ConstantTimeCompare([]byte(s.Token), []byte(key.SessionToken)) > 1 {",
		pkg:  sigv4Dir, test: "TestSessionTokens",
	},

	// What the signature is for.
	{
		rule: "date of the scope", file: sigv4Dir + "/parse.go",
		from: "case s.Date != s.Time.Format(dateFormat):",
		to:   "case false:",
		pkg:  sigv4Dir, test: "TestParseRefuses",
	},
	{
		rule: "service of the scope", file: gatewayDir + "/route.go",
		from: "func(s Service) bool { return s.SigningName == signingName }",
		to:   "func(Service) bool { return true }",
		pkg:  gatewayDir, test: "TestRefusedInTheShapeOfTheProtocol",
	},
	{
		rule: "region of the scope, samples", file: ampDir + "/amp.go",
		from: "case w.Region != r.Region:",
		to:   "case false:",
		pkg:  ampDir, test: "TestDataPlaneRefusals",
	},
	{
		rule: "region of the scope, workspaces", file: ampDir + "/control.go",
		from: "if w == nil || w.Region != r.Region {",
		to:   "if w == nil {",
		pkg:  ampDir, test: "TestRegionsAreApart",
	},

	// Which samples a workspace takes.
	{
		rule: "the one-hour rule", file: dataplaneDir + "/write.go",
		from: "case b.now.Sub(t) > maxSampleAge:",
		to:   "case false:",
		pkg:  dataplaneDir, test: "TestOneHourRule",
	},
	{
		rule: "samples of the future", file: dataplaneDir + "/write.go",
		from: "case t.Sub(b.now) > maxSampleFuture:",
		to:   "case false:",
		pkg:  dataplaneDir, test: "TestFutureRule",
	},
	{
		rule: "the out-of-order rule", file: dataplaneDir + "/workspace.go",
		from: "opts.OutOfOrderTimeWindow = settings.OutOfOrderWindow.Milliseconds()",
		to:   "opts.OutOfOrderTimeWindow = time.Hour.Milliseconds()",
		pkg:  dataplaneDir, test: "TestOutOfOrderRule",
	},
	{
		rule: "a 400 keeps the good samples", file: dataplaneDir + "/write.go",
		from: "if err := batch.app.Commit(); err != nil {",
		to:   "if batch.first != nil {\n\t\treturn errors.Join(batch.first, batch.app.Rollback())\n\t}\n\tif err := batch.app.Commit(); err != nil {",
		pkg:  dataplaneDir, test: "TestGoodSamplesKeptOn400",
	},
	{
		rule: "429 over the ingestion rate", file: dataplaneDir + "/rate.go",
		from: "if float64(n) > b.tokens {",
		to:   "if false {",
		pkg:  dataplaneDir, test: "TestRateLimitRefusesWholeBatch",
	},
	{
		rule: "429 refuses the whole batch", file: dataplaneDir + "/write.go",
		from: "if !ws.rate.take(samples+len(req.Metadata), now) {",
		to: "if part := *req; !ws.rate.take(samples+len(req.Metadata), now) {\n" +
			"\t\tif len(part.Timeseries) > 1 {\n" +
			"\t\t\tpart.Timeseries = part.Timeseries[:1]\n" +
			"\t\t\tif err := ws.ingest(ctx, &part, now); err != nil {\n\t\t\t\treturn err\n\t\t\t}\n\t\t}",
		pkg: dataplaneDir, test: "TestRateLimitRefusesWholeBatch",
	},
	{
		rule: "the series limit", file: dataplaneDir + "/write.go",
		from: "if ref == 0 && b.ws.db.Head().NumSeries() >= uint64(b.ws.limits.ActiveSeries) {",
		to:   "if false {",
		pkg:  dataplaneDir, test: "TestSeriesLimit",
	},
	{
		rule: "labels of a series", file: dataplaneDir + "/series.go",
		from: "if count > maxLabels {",
		to:   "if false {",
		pkg:  dataplaneDir, test: "TestLabelLimits",
	},
	{
		rule: "1 MB requests", file: dataplaneDir + "/decode.go",
		from: "if len(body) > maxRequestBytes {",
		to:   "if false {",
		pkg:  dataplaneDir, test: "TestRequestSize",
	},
	{
		rule: "remote write 1.0 only", file: dataplaneDir + "/decode.go",
		from: `if proto, ok := params["proto"]; ok && proto != "prometheus.WriteRequest" {`,
		to:   `if proto := params["proto"]; false {`,
		pkg:  dataplaneDir, test: "TestRemoteWrite2Refused",
	},
}

package report

var (
	TextWidth = textWidth
	Compress  = compress
)

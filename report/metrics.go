package report

import "strings"

// textWidth is how wide a text is at most, in the fonts that browsers use: an
// SVG can't ask. The widths are those of DejaVu Sans, by its hmtx table, in
// thousandths of the size; of the usual families none is wider. Other letters
// than ASCII count as wide as they can be.
func textWidth(text string, size float64, bold bool) float64 {
	table := &dejavuSans
	if bold {
		table = &dejavuSansBold
	}
	total := 0
	for _, r := range text {
		switch {
		case r >= ' ' && r <= '~':
			total += int(table[r-' '])
		case r < 0x1100:
			total += 1100
		default: // East Asian, emoji
			total += 1400
		}
	}
	return float64(total) * size / 1000
}

// fit shortens a text to a width by taking letters out of its middle: the
// ends of sonames and paths tell them apart.
func fit(text string, size float64, bold bool, room float64) string {
	if textWidth(text, size, bold) <= room {
		return text
	}
	runes := []rune(text)
	// No letter is narrower than a quarter of the size, so a long name is not
	// measured over and over.
	for keep := min(len(runes)-1, int(4*room/size)); keep > 1; keep-- {
		short := string(runes[:keep/2]) + "…" + string(runes[len(runes)-(keep+1)/2:])
		if textWidth(short, size, bold) <= room {
			return short
		}
	}
	return "…"
}

// clip shortens text that is only to be read, so that a file with names of
// megabytes makes no picture of gigabytes.
func clip(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

var dejavuSans = [95]uint16{
	318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, // space to /
	636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, // 0 to ?
	1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787, // @ to O
	603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, // P to _
	500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, // ` to o
	635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838, // p to ~
}

var dejavuSansBold = [95]uint16{
	348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365,
	696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838, 580,
	1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775, 637, 995, 837, 850,
	733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500,
	500, 675, 716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687,
	716, 716, 493, 595, 478, 712, 652, 924, 645, 652, 582, 712, 365, 712, 838,
}

package cli

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/triport/triport-console/internal/referral"
)

// printInspection prints an inspection for support, the answer first.
func (e *env) printInspection(in referral.Inspection, pending int) {
	e.printf("%s\n", e.styles.title.Render(personName(in.User.DisplayName, in.User.Email)))
	rows := [][]string{{"id", in.User.ID}, {"email", escapeText(in.User.Email)}, {"since", formatTime(in.User.CreatedAt)}}
	if in.User.Disabled() {
		rows = append(rows, []string{"disabled", e.styles.bad.Render(formatTime(in.User.DisabledAt))})
	}
	e.table("  ", rows)

	e.heading("Referred by")
	e.printReferrer(in)
	e.heading("Codes")
	e.printCodes("  ", in.Codes)
	var latest string
	if shown := int64(len(in.Invitees)); shown < in.InviteeCount {
		latest = fmt.Sprintf(", the latest %s", humanize.Comma(shown))
	}
	e.heading("Invitees: %s%s", humanize.Comma(in.InviteeCount), latest)
	e.printInvitees(in.Invitees)
	e.heading("Timeline, newest first")
	e.printTimeline(in.Events)
	if pending > 0 {
		e.heading("Waiting in the spool: %s", plural(pending, "attempt"))
		e.printf("  not decided yet: the server decides them when the database is available, or run: %s referral replay\n", programName)
	}
}

func (e *env) heading(format string, args ...any) {
	e.printf("\n%s\n", e.styles.title.Render(fmt.Sprintf(format, args...)))
}

// personName returns the name, if there is one, and what identifies the user.
func personName(name, unique string) string {
	if name == "" {
		return escapeText(unique)
	}
	return fmt.Sprintf("%s (%s)", escapeText(name), escapeText(unique))
}

func (e *env) printReferrer(in referral.Inspection) {
	if r := in.ReferredBy; r != nil {
		e.printf("  %s\n", e.styles.good.Render(personName(r.DisplayName, r.UserID)))
		e.printf("  through the code %s on %s\n", escapeText(r.Code), formatTime(r.AttributedAt))
		return
	}
	e.printf("  no one\n")
	for _, ev := range in.Events {
		if ev.Type == referral.EventRejected {
			e.printf("  The last attempt, with the code %s on %s, was rejected: %s.\n",
				escapeText(ev.Code), formatTime(ev.At), escapeText(ev.Reason.Describe(ev.Detail)))
			return
		}
	}
	e.printf("  No attempt with a code is on record.\n")
}

func (e *env) printInvitees(invitees []referral.Relation) {
	if len(invitees) == 0 {
		e.printf("  none\n")
	}
	e.table("  ", convert(invitees, func(i referral.Relation) []string {
		return []string{formatTime(i.AttributedAt), "through " + escapeText(i.Code), i.UserID, escapeText(i.DisplayName)}
	}))
}

func (e *env) printTimeline(events []referral.Event) {
	if len(events) == 0 {
		e.printf("  nothing on record\n")
	}
	e.table("  ", convert(events, func(ev referral.Event) []string {
		return []string{formatTime(ev.At), escapeText(ev.Code), e.describeEvent(ev) + e.styles.faint.Render(describeSource(ev.Source))}
	}))
}

func (e *env) describeEvent(ev referral.Event) string {
	switch ev.Type {
	case referral.EventSignup:
		return e.styles.good.Render("referred") + " by " + escapeText(ev.ReferrerID)
	case referral.EventRejected:
		return e.styles.bad.Render("rejected") + ": " + escapeText(ev.Reason.Describe(ev.Detail))
	}
	s := escapeText(string(ev.Type))
	if ev.Detail != "" {
		s += ": " + escapeText(ev.Detail)
	}
	return s
}

// describeSource says if an attempt was not decided live.
func describeSource(s referral.Source) string {
	switch s {
	case referral.SourceLive:
		return ""
	case referral.SourceSpool:
		return "  decided later, from the spool"
	case referral.SourceReplay:
		return "  decided later, by a replay"
	}
	return "  " + escapeText(string(s))
}

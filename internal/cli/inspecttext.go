package cli

import (
	"fmt"

	"github.com/triport/triport-console/internal/referral"
)

// printDossier tells a support person what the customer wants to know, the answer first.
func (a *app) printDossier(d referral.Inspection, pending int) {
	a.printf("%s\n", a.styles.title.Render(person(d.User.DisplayName, d.User.Email)))
	rows := [][]string{{"id", d.User.ID}, {"email", escapeText(d.User.Email)}, {"since", when(d.User.CreatedAt)}}
	if d.User.Disabled() {
		rows = append(rows, []string{"disabled", a.styles.bad.Render(when(d.User.DisabledAt))})
	}
	a.table("  ", rows)

	a.heading("Referred by")
	a.printReferrer(d)
	a.heading("Codes")
	a.printCodes("  ", d.Codes)
	a.heading("Invitees: %s%s", grouped(d.InviteeCount), latest(int64(len(d.Invitees)), d.InviteeCount))
	a.printInvitees(d.Invitees)
	a.heading("Timeline, newest first")
	a.printTimeline(d.Events)
	if pending > 0 {
		a.heading("Waiting in the spool: %s", plural(int64(pending), "attempt"))
		a.printf("  not decided yet: the server does so once the database is well, or: %s referral replay\n", programName)
	}
}

func (a *app) heading(format string, args ...any) {
	a.printf("\n%s\n", a.styles.title.Render(fmt.Sprintf(format, args...)))
}

// person is how a user is called: by name, where there is one, and by what tells them from others.
func person(name, unique string) string {
	if name == "" {
		return escapeText(unique)
	}
	return fmt.Sprintf("%s (%s)", escapeText(name), escapeText(unique))
}

func latest(shown, all int64) string {
	if shown < all {
		return fmt.Sprintf(", the latest %s", grouped(shown))
	}
	return ""
}

func (a *app) printReferrer(d referral.Inspection) {
	if r := d.ReferredBy; r != nil {
		a.printf("  %s\n", a.styles.good.Render(person(r.DisplayName, r.UserID)))
		a.printf("  through the code %s on %s\n", escapeText(r.Code), when(r.AttributedAt))
		return
	}
	a.printf("  nobody\n")
	for _, e := range d.Events {
		if e.Type == referral.EventRejected {
			a.printf("  The last attempt, with the code %s on %s, was refused: %s.\n",
				escapeText(e.Code), when(e.At), escapeText(e.Reason.Describe(e.Detail)))
			return
		}
	}
	a.printf("  No attempt with a code is on record.\n")
}

func (a *app) printInvitees(invitees []referral.Invitee) {
	if len(invitees) == 0 {
		a.printf("  none\n")
		return
	}
	rows := make([][]string, len(invitees))
	for i, in := range invitees {
		rows[i] = []string{when(in.AttributedAt), "through " + escapeText(in.Code), in.UserID, escapeText(in.DisplayName)}
	}
	a.table("  ", rows)
}

func (a *app) printTimeline(events []referral.Event) {
	if len(events) == 0 {
		a.printf("  nothing on record\n")
		return
	}
	rows := make([][]string, len(events))
	for i, e := range events {
		rows[i] = []string{when(e.At), escapeText(e.Code), a.told(e) + a.styles.faint.Render(late(e.Source))}
	}
	a.table("  ", rows)
}

// told is an event in words.
func (a *app) told(e referral.Event) string {
	switch e.Type {
	case referral.EventSignup:
		return a.styles.good.Render("referred") + " by " + escapeText(e.ReferrerID)
	case referral.EventRejected:
		return a.styles.bad.Render("refused") + ": " + escapeText(e.Reason.Describe(e.Detail))
	}
	s := escapeText(string(e.Type))
	if e.Detail != "" {
		s += ": " + escapeText(e.Detail)
	}
	return s
}

// late says that an attempt was not decided when it was made.
func late(s referral.Source) string {
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

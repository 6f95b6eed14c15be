package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type verifyOptions struct{}

func newVerify(a *app) *cobra.Command {
	return leaf(a, "verify", "recompute every attribution from the audit log and compare",
		`Recompute every attribution from the audit log, through the same decision that
made it, and compare with what is recorded. It takes no write lock. Exit code 4
and a list when they differ.`,
		`  triport-console referral verify
  triport-console referral verify -o json | jq .differences`,
		func(_ *cobra.Command, args []string) (action, error) { return verifyOptions{}, exactly(args) })
}

type differenceJSON struct {
	InviteeID string `json:"invitee_id"`
	Kind      string `json:"kind"`
	Detail    string `json:"detail"`
}

type verificationJSON struct {
	Attributions int64            `json:"attributions"`
	Events       int64            `json:"events"`
	Differences  []differenceJSON `json:"differences"`
}

func (verifyOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store, _ Config) error {
		found, err := referral.Verify(ctx, store)
		if err != nil {
			return fmt.Errorf("verify the attributions: %w", err)
		}
		v := verificationJSON{found.Attributions, found.Events, make([]differenceJSON, len(found.Differences))}
		for i, d := range found.Differences {
			v.Differences[i] = differenceJSON(d)
		}
		err = a.result(v, func() { a.printVerification(v) })
		if n := len(v.Differences); n > 0 {
			err = errors.Join(difference("the audit log and the attributions differ: %s", plural(int64(n), "difference")), err)
		}
		return err
	})
}

func (a *app) printVerification(v verificationJSON) {
	a.printf("%s, %s\n", plural(v.Attributions, "attribution"), plural(v.Events, "signup event"))
	if len(v.Differences) == 0 {
		a.printf("%s\n", a.styles.good.Render("no difference"))
		return
	}
	rows := make([][]string, len(v.Differences))
	for i, d := range v.Differences {
		rows[i] = []string{d.InviteeID, a.styles.bad.Render(d.Kind), escapeText(d.Detail)}
	}
	a.table("", rows)
}

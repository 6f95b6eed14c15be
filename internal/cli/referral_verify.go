package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type referralVerifyOptions struct{}

func newReferralVerify(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "compare the attributions with the audit log",
		Long: `Recompute every attribution from the audit log, with the same decision as a live
call, and compare the results with the stored attributions. It takes no write
lock. If there is a difference, it prints a list and exits with code 4.`,
		Example: `  triport-console referral verify
  triport-console referral verify -o json | jq .differences`,
		RunE: e.action(func([]string) command { return referralVerifyOptions{} }),
	}
}

func (referralVerifyOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.ReadOnly, func(store *sqlite.Store) error {
		found, err := referral.Verify(store.Ledger(ctx))
		differences := convert(found.Differences, func(d referral.Difference) object {
			return object{{"invitee_id", d.InviteeID}, {"kind", d.Kind}, {"detail", d.Detail}}
		})
		v := object{{"attributions", found.Attributions}, {"events", found.Events}, {"differences", differences}}
		err = e.resultOrError(err, "verify the attributions", v, func() { e.printVerification(found) })
		if n := len(differences); n > 0 {
			err = errors.Join(differencef("the audit log and the attributions differ: %s", plural(n, "difference")), err)
		}
		return err
	})
}

func (e *env) printVerification(v referral.Verification) {
	e.printf("%s, %s\n", plural(v.Attributions, "attribution"), plural(v.Events, "signup event"))
	if len(v.Differences) == 0 {
		e.printf("%s\n", e.styles.good.Render("no difference"))
		return
	}
	e.table("", convert(v.Differences, func(d referral.Difference) []any {
		return []any{d.InviteeID, styled(e.styles.bad, d.Kind), d.Detail}
	}))
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/store/sqlite"
)

type sessionCreateOptions struct {
	users []string      // empty: they are read from standard input
	ttl   time.Duration // 0: as configured
	// lines asks for a JSON object a line: there may be several sessions, and no --output says otherwise.
	lines bool
}

func newSessionCreate(a *app) *cobra.Command {
	var ttl string
	cmd := leaf(a, "create <user>… [--ttl D]", "sign users in and print their cookies",
		`Make a session for a user and print its two cookies, as Set-Cookie lines and as a
curl line ready to paste. The cookies are secrets, shown this once: the database
keeps only their hashes.

Several users, or - for users on standard input, a line each, give one JSON object
a line, unless --output text asks for the text. A user that cannot be signed in
is reported, the others get their sessions.

<user> is an id, an e-mail address or a code.`,
		`  triport-console session create ann@example.com
  triport-console session create ann@example.com --ttl 1h -o json
  triport-console user list -o json | jq -r .id | triport-console session create -`,
		func(cmd *cobra.Command, args []string) (action, error) {
			opt := sessionCreateOptions{users: args, lines: len(args) > 1 && !cmd.Flags().Changed("output")}
			if len(args) == 0 || slices.Contains(args, "") {
				return nil, exactly(args, "<user>")
			}
			if slices.Contains(args, "-") {
				if len(args) > 1 {
					return nil, usagef("- stands alone: the users are read from standard input")
				}
				opt.users, opt.lines = nil, !cmd.Flags().Changed("output")
			}
			if !cmd.Flags().Changed("ttl") {
				return opt, nil
			}
			var err error
			if opt.ttl, err = parseDuration(ttl); err == nil && opt.ttl < time.Second {
				err = fmt.Errorf("%s is too short: the least is 1s", ttl)
			}
			if err != nil {
				return nil, badValue(fmt.Errorf("--ttl: %w", err))
			}
			return opt, nil
		})
	cmd.Flags().StringVar(&ttl, "ttl", "", "how long the session is valid, a `duration` (default: session.ttl of the configuration)")
	return cmd
}

func (opt sessionCreateOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, cfg Config) error {
		if opt.ttl == 0 {
			opt.ttl = cfg.Session.TTL
		}
		m := newSessionMaker(a, store, cfg, opt)
		if err := m.all(ctx, opt.users); err != nil {
			return err
		}
		return m.failed
	})
}

type sessionRevokeOptions struct{ user string }

func newSessionRevoke(a *app) *cobra.Command {
	return leaf(a, "revoke <user>", "revoke all sessions of a user",
		`Revoke all sessions of a user: they are signed out from the next request on, also
of a server that runs.

<user> is an id, an e-mail address or a code.`,
		`  triport-console session revoke ann@example.com`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "<user>"); err != nil {
				return nil, err
			}
			return sessionRevokeOptions{args[0]}, nil
		})
}

func (opt sessionRevokeOptions) run(ctx context.Context, a *app) error {
	return a.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, _ Config) error {
		u, err := findUser(ctx, store, opt.user)
		if err != nil {
			return err
		}
		n, err := store.RevokeSessions(ctx, u.ID, a.now())
		if err != nil {
			return fmt.Errorf("revoke the sessions: %w", err)
		}
		v := struct {
			UserID  string `json:"user_id"`
			Revoked int64  `json:"revoked"`
		}{u.ID, n}
		return a.result(v, func() { a.printf("revoked %s of %s\n", plural(n, "session"), escapeText(u.Email)) })
	})
}

// worse keeps the error with the higher exit code of two that have been reported already.
func worse(a, b error) error {
	if exitCode(b) > exitCode(a) {
		return b
	}
	return a
}

// told marks an error as one that was printed when it happened.
func told(err error) error {
	return &exitError{code: exitCode(err), err: err, told: true}
}

var errDisabled = errors.New("the account is disabled")

package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/config"
	"github.com/triport/triport-console/internal/jsonl"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type sessionCreateOptions struct {
	users []string      // nil: read them from standard input
	ttl   time.Duration // 0: as configured
	lines bool          // several sessions without --output: print one JSON object per line
}

func newSessionCreate(e *env) *cobra.Command {
	var opt sessionCreateOptions
	cmd := &cobra.Command{
		Use: "create <user>… [--ttl D]", Short: "create sessions and print their cookies",
		Long: `Create a session for a user and print its two cookies, as Set-Cookie lines and as
a curl command. The cookies are secret and printed only once: the database stores
only their hashes.

Several users, or - for users on standard input, one per line, give one JSON
object per line, unless --output text is given. A user who cannot sign in is
reported, the others get their sessions.` + userHelp,
		Example: `  triport-console session create ann@example.com
  triport-console session create ann@example.com --ttl 1h -o json
  triport-console user list -o json | jq -r '"id:" + .id' | triport-console session create -`,
		Args: opt.parse,
		RunE: e.action(func([]string) command { return opt }),
	}
	cmd.Flags().String("ttl", "", "`duration` of the session (default: session.ttl of the configuration)")
	return cmd
}

// parse takes the arguments and --ttl.
func (opt *sessionCreateOptions) parse(cmd *cobra.Command, args []string) (err error) {
	if len(args) == 0 || slices.Contains(args, "") {
		return arguments("<user>")(cmd, args)
	}
	opt.users, opt.lines = args, len(args) > 1
	if slices.Contains(args, "-") {
		if len(args) > 1 {
			return usagef(`"-" cannot be combined with other users: all are read from standard input`)
		}
		opt.users, opt.lines = nil, true
	}
	opt.lines = opt.lines && !cmd.Flags().Changed("output")
	ttl := cmd.Flag("ttl")
	if !ttl.Changed {
		return nil
	}
	if opt.ttl, err = config.ParseDuration(ttl.Value.String()); err == nil && opt.ttl < time.Second {
		err = fmt.Errorf("%s is too short: the minimum is 1s", ttl.Value)
	}
	if err != nil {
		return badValue(fmt.Errorf("--ttl: %w", err))
	}
	return nil
}

func (opt sessionCreateOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store) error {
		if opt.ttl == 0 {
			opt.ttl = e.cfg.Session.TTL
		}
		if opt.lines {
			e.format = formatJSON
		}
		c := &sessionCreator{sessionCreateOptions: opt, ctx: ctx, env: e, store: store, now: e.now(), random: bufio.NewReader(e.Random)}
		err := c.createAll()
		if err != nil && ctx.Err() != nil {
			return errInterrupted
		}
		return cmp.Or(err, c.failed)
	})
}

// sessionCreator prints cookies when their sessions are durable.
type sessionCreator struct {
	sessionCreateOptions
	ctx     context.Context
	env     *env
	store   *sqlite.Store
	now     time.Time
	random  io.Reader
	printed int   // sessions
	failed  error // of a rejected user, the one with the highest exit code; printed already
}

// createAll serves the users of the arguments or of stdin.
func (c *sessionCreator) createAll() error {
	if c.users == nil {
		b := jsonl.Batcher[string]{Size: 500, Store: c.createBatch, OnBad: func(number int, _ io.Reader, reason error) error {
			c.reject(fmt.Errorf("line %d: %w", number, reason))
			return nil
		}}
		return b.Run(jsonl.Parse(interruptible(c.ctx, c.env.In), func(l jsonl.Line) (string, error) {
			if l.Rest != nil {
				return "", jsonl.ErrTooLong
			}
			return string(l.Text), nil
		}))
	}
	reasons, err := c.createBatch(c.users)
	for _, reason := range reasons {
		if reason != nil {
			c.reject(reason)
		}
	}
	return err
}

// createBatch creates sessions in one transaction and prints them. A user without one gets a reason.
func (c *sessionCreator) createBatch(users []string) (reasons []error, err error) {
	reasons = make([]error, len(users))
	var sessions []auth.Session
	var tokens []auth.Tokens
	for i, user := range users {
		u, err := findUser(c.ctx, c.store, user)
		switch code := exitCode(err); {
		case code == exitUsage, code == exitMissing:
			reasons[i] = err
			continue
		case err != nil:
			return nil, err
		case u.Disabled():
			reasons[i] = fmt.Errorf("%s: the account is disabled: enable it with: %s user enable %[1]s", accountName(u), programName)
			continue
		}
		t, s, err := auth.NewSession(c.random, u.ID, c.now, c.ttl)
		if err != nil {
			return nil, fmt.Errorf("create a session: %w", err)
		}
		tokens, sessions = append(tokens, t), append(sessions, s)
	}
	if err := c.store.CreateSessions(c.ctx, sessions); err != nil {
		return nil, fmt.Errorf("store the sessions: %w", err)
	}
	for i, s := range sessions {
		if err := c.print(s, tokens[i]); err != nil {
			return nil, err
		}
	}
	return reasons, c.env.flush()
}

func (c *sessionCreator) reject(err error) {
	c.env.printError(err)
	if code := exitCode(err); code > exitCode(c.failed) {
		c.failed = &exitError{code: code, error: err, printed: true}
	}
}

func (c *sessionCreator) print(s auth.Session, t auth.Tokens) error {
	e := c.env
	v := object{{"user_id", s.UserID}, {"nl_session", t.Session}, {"nl_csrf", t.CSRF}, {"expires_at", s.ExpiresAt}}
	return e.result(v, func() {
		if c.printed++; c.printed > 1 {
			e.printf("\n")
		}
		cookie := auth.Cookie{
			Name: auth.SessionCookie, Value: t.Session, Domain: e.cfg.Cookies.Domain, MaxAge: c.ttl,
			HTTPOnly: true, Secure: e.cfg.Cookies.Secure == auth.SecureAlways,
		}
		e.printf("Set-Cookie: %s\n", cookie)
		cookie.Name, cookie.Value, cookie.HTTPOnly = auth.CSRFCookie, t.CSRF, false
		e.printf("Set-Cookie: %s\n", cookie)
		e.printf("Expires: %s\n\n%s\n", formatTime(s.ExpiresAt),
			e.styles.faint.Render("# The call after a sign-in. To name a referrer, add ; ref_code=<code> to the cookies:"))
		e.printf("curl -i -X POST http://%s/v1/auth/attribute -H 'X-CSRF-Token: %s' -H 'Content-Type: application/json' -b '%s=%s; %s=%s' -d '{}'\n",
			dialAddress(e.cfg.Listen), t.CSRF, auth.SessionCookie, t.Session, auth.CSRFCookie, t.CSRF)
	})
}

// dialAddress returns what a client on this machine dials.
func dialAddress(listen string) string {
	host, port, _ := net.SplitHostPort(listen) // config has checked it
	if addr, err := netip.ParseAddr(host); host == "" || (err == nil && addr.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

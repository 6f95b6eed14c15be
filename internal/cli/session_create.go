package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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

// sessionBatch is how many sessions share a transaction.
const sessionBatch = 500

var errDisabled = errors.New("the account is disabled")

type sessionCreateOptions struct {
	users []string      // nil: read them from standard input
	ttl   time.Duration // 0: as configured
	lines bool          // several sessions without --output: print one JSON object per line
}

func newSessionCreate(e *env) *cobra.Command {
	var ttl string
	cmd := &cobra.Command{
		Use:   "create <user>… [--ttl D]",
		Short: "create sessions and print their cookies",
		Long: `Create a session for a user and print its two cookies, as Set-Cookie lines and as
a curl command. The cookies are secret and printed only once: the database stores
only their hashes.

Several users, or - for users on standard input, one per line, give one JSON
object per line, unless --output text is given. A user who cannot sign in is
reported, the others get their sessions.` + userHelp,
		Example: `  triport-console session create ann@example.com
  triport-console session create ann@example.com --ttl 1h -o json
  triport-console user list -o json | jq -r .id | triport-console session create -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			opt, err := parseSessionCreate(cmd, args, ttl)
			if err != nil {
				return err
			}
			return e.do(cmd.Context(), opt)
		},
	}
	cmd.Flags().StringVar(&ttl, "ttl", "", "`duration` of the session (default: session.ttl of the configuration)")
	return cmd
}

func parseSessionCreate(cmd *cobra.Command, args []string, ttl string) (opt sessionCreateOptions, err error) {
	if len(args) == 0 || slices.Contains(args, "") {
		return opt, arguments("<user>")(cmd, args)
	}
	opt = sessionCreateOptions{users: args, lines: len(args) > 1}
	if slices.Contains(args, "-") {
		if len(args) > 1 {
			return opt, usagef("- excludes other users: all are read from standard input")
		}
		opt.users, opt.lines = nil, true
	}
	opt.lines = opt.lines && !cmd.Flags().Changed("output")
	if !cmd.Flags().Changed("ttl") {
		return opt, nil
	}
	if opt.ttl, err = config.ParseDuration(ttl); err == nil && opt.ttl < time.Second {
		err = fmt.Errorf("%s is too short: the minimum is 1s", ttl)
	}
	if err != nil {
		return opt, badValue(fmt.Errorf("--ttl: %w", err))
	}
	return opt, nil
}

func (opt sessionCreateOptions) run(ctx context.Context, e *env) error {
	return e.withStore(ctx, sqlite.ReadWrite, func(store *sqlite.Store, cfg config.Config) error {
		if opt.ttl == 0 {
			opt.ttl = cfg.Session.TTL
		}
		if opt.lines {
			e.format = formatJSON
		}
		c := &sessionCreator{sessionCreateOptions: opt, env: e, store: store, cfg: cfg, now: e.now(), random: bufio.NewReader(e.Random)}
		b := jsonl.Batcher[newSession]{
			Size: sessionBatch, OnBad: c.reject,
			Store: func(sessions []newSession) ([]error, error) {
				return make([]error, len(sessions)), c.storeBatch(ctx, sessions)
			},
		}
		err := b.Run(c.sessions(ctx))
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			return err
		}
		return c.failed
	})
}

type newSession struct {
	auth.Session
	tokens auth.Tokens
}

// sessionCreator creates sessions in batches and prints their cookies when they are durable.
type sessionCreator struct {
	sessionCreateOptions
	env     *env
	store   *sqlite.Store
	cfg     config.Config
	now     time.Time
	random  io.Reader
	printed int   // sessions
	failed  error // of a rejected user, the one with the highest exit code; printed already
}

// input returns the users: the arguments, with the line number 0, or the lines of standard input.
func (c *sessionCreator) input(ctx context.Context) iter.Seq2[jsonl.Line, error] {
	if c.users == nil {
		return jsonl.Lines(interruptible(ctx, c.env.In))
	}
	return func(yield func(jsonl.Line, error) bool) {
		for _, user := range c.users {
			if !yield(jsonl.Line{Text: []byte(user)}, nil) {
				return
			}
		}
	}
}

// sessions returns a session for each user, or the reason why the user gets none.
func (c *sessionCreator) sessions(ctx context.Context) iter.Seq2[jsonl.Parsed[newSession], error] {
	return func(yield func(jsonl.Parsed[newSession], error) bool) {
		for l, err := range c.input(ctx) {
			p := jsonl.Parsed[newSession]{Line: l}
			if err == nil {
				p.Value, p.Err, err = c.session(ctx, l)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// session returns a session for the user of a line, or the reason why the user gets none. err ends the command.
func (c *sessionCreator) session(ctx context.Context, l jsonl.Line) (s newSession, reason, err error) {
	if l.Rest != nil {
		return s, jsonl.ErrTooLong, nil
	}
	u, err := findUser(ctx, c.store, string(l.Text))
	if code := exitCode(err); code == exitUsage || code == exitMissing {
		return s, err, nil
	}
	if u.Disabled() {
		return s, fmt.Errorf("%s: %w", u.Email, errDisabled), nil
	}
	if err == nil {
		s.tokens, s.Session, err = auth.NewSession(c.random, u.ID, c.now, c.ttl)
	}
	return s, nil, err
}

// reject reports a user who gets no session.
func (c *sessionCreator) reject(number int, _ io.Reader, reason error) error {
	err := reason
	if number > 0 {
		err = fmt.Errorf("line %d: %w", number, reason)
	}
	c.env.printError(err)
	if code := exitCode(err); code > exitCode(c.failed) {
		c.failed = &exitError{code: code, err: err, printed: true}
	}
	return nil
}

func (c *sessionCreator) storeBatch(ctx context.Context, sessions []newSession) error {
	rows := convert(sessions, func(s newSession) auth.Session { return s.Session })
	if err := c.store.CreateSessions(ctx, rows); err != nil {
		return fmt.Errorf("store the sessions: %w", err)
	}
	for _, s := range sessions {
		if err := c.print(s); err != nil {
			return err
		}
	}
	return c.env.flush()
}

type sessionJSON struct {
	UserID    string    `json:"user_id"`
	Session   string    `json:"nl_session"`
	CSRF      string    `json:"nl_csrf"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (c *sessionCreator) print(s newSession) error {
	e, t := c.env, s.tokens
	return e.result(sessionJSON{s.UserID, t.Session, t.CSRF, s.ExpiresAt.UTC()}, func() {
		if c.printed++; c.printed > 1 {
			e.printf("\n")
		}
		cookie := auth.Cookie{
			Name: auth.SessionCookie, Value: t.Session, Domain: c.cfg.Cookies.Domain, MaxAge: c.ttl,
			HTTPOnly: true, Secure: c.cfg.Cookies.Secure == auth.SecureAlways,
		}
		e.printf("Set-Cookie: %s\n", cookie)
		cookie.Name, cookie.Value, cookie.HTTPOnly = auth.CSRFCookie, t.CSRF, false
		e.printf("Set-Cookie: %s\n", cookie)
		e.printf("Expires: %s\n\n", formatTime(s.ExpiresAt))
		e.printf("%s\n", e.styles.faint.Render("# The call after a sign-in. To name a referrer, add ; ref_code=<code> to the cookies:"))
		e.printf("curl -i -X POST http://%s/v1/auth/attribute -H 'X-CSRF-Token: %s' -H 'Content-Type: application/json' -b '%s=%s; %s=%s' -d '{}'\n",
			dialAddress(c.cfg.Listen), t.CSRF, auth.SessionCookie, t.Session, auth.CSRFCookie, t.CSRF)
	})
}

// dialAddress returns the address that a client on this machine dials for a listen address.
func dialAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || (err == nil && addr.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

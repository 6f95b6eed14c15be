package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/jsonl"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// sessionBatch is how many sessions share a transaction.
const sessionBatch = 500

// sessionMaker makes sessions in batches and prints their cookies once they are durable.
type sessionMaker struct {
	app     *app
	store   *sqlite.Store
	cfg     Config
	opt     sessionCreateOptions
	now     time.Time
	random  io.Reader
	failed  error // the worst of what kept users from their sessions; printed already
	printed int

	tokens   []auth.Tokens
	sessions []auth.Session
}

func newSessionMaker(a *app, store *sqlite.Store, cfg Config, opt sessionCreateOptions) *sessionMaker {
	if opt.lines {
		a.format = formatJSON
	}
	return &sessionMaker{app: a, store: store, cfg: cfg, opt: opt, now: a.now(), random: bufio.NewReader(a.Random)}
}

// all makes a session for each of the users, or for those on standard input.
func (m *sessionMaker) all(ctx context.Context, users []string) error {
	if users == nil {
		return m.fromInput(ctx)
	}
	for _, user := range users {
		if err := m.add(ctx, user, ""); err != nil {
			return err
		}
	}
	return m.flush(ctx)
}

func (m *sessionMaker) fromInput(ctx context.Context) error {
	for l, err := range jsonl.Lines(interruptible(ctx, m.app.In)) {
		if err != nil {
			return err
		}
		where := fmt.Sprintf("line %d: ", l.Number)
		if l.Rest != nil {
			m.fail(where, jsonl.ErrTooLong)
			continue
		}
		if err := m.add(ctx, string(l.Text), where); err != nil {
			return err
		}
	}
	return m.flush(ctx)
}

// add makes a session for a user. What is wrong with the user is reported here; an error is one of
// the store.
func (m *sessionMaker) add(ctx context.Context, user, where string) error {
	u, err := findUser(ctx, m.store, user)
	if err == nil && u.Disabled() {
		err = fmt.Errorf("%s: %w", u.Email, errDisabled)
	}
	if code := exitCode(err); code == exitUsage || code == exitMissing || u.Disabled() {
		m.fail(where, err)
		return nil
	}
	if err != nil {
		return err
	}
	tokens, session, err := auth.NewSession(m.random, u.ID, m.now, m.opt.ttl)
	if err != nil {
		return fmt.Errorf("make a session: %w", err)
	}
	m.tokens, m.sessions = append(m.tokens, tokens), append(m.sessions, session)
	if len(m.sessions) < sessionBatch {
		return nil
	}
	return m.flush(ctx)
}

func (m *sessionMaker) fail(where string, err error) {
	m.app.complain(fmt.Errorf("%s%w", where, err))
	m.failed = worse(m.failed, told(err))
}

func (m *sessionMaker) flush(ctx context.Context) error {
	if len(m.sessions) == 0 {
		return nil
	}
	if err := m.store.CreateSessions(ctx, m.sessions); err != nil {
		return fmt.Errorf("keep the sessions: %w", err)
	}
	for i, s := range m.sessions {
		if err := m.print(s, m.tokens[i]); err != nil {
			return err
		}
	}
	m.tokens, m.sessions = m.tokens[:0], m.sessions[:0]
	return m.app.flush()
}

type sessionJSON struct {
	UserID    string    `json:"user_id"`
	Session   string    `json:"nl_session"`
	CSRF      string    `json:"nl_csrf"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (m *sessionMaker) print(s auth.Session, t auth.Tokens) error {
	return m.app.result(sessionJSON{s.UserID, t.Session, t.CSRF, s.ExpiresAt.UTC()}, func() {
		if m.printed++; m.printed > 1 {
			m.app.printf("\n")
		}
		cookie := auth.Cookie{
			Name: auth.SessionCookie, Value: t.Session, Domain: m.cfg.Cookies.Domain, MaxAge: m.opt.ttl,
			HTTPOnly: true, Secure: m.cfg.Cookies.Secure == auth.SecureAlways,
		}
		m.app.printf("Set-Cookie: %s\n", cookie)
		cookie.Name, cookie.Value, cookie.HTTPOnly = auth.CSRFCookie, t.CSRF, false
		m.app.printf("Set-Cookie: %s\n", cookie)
		m.app.printf("Expires: %s\n\n", when(s.ExpiresAt))
		m.app.printf("%s\n", m.app.styles.faint.Render("# The call after a sign-in; add ; ref_code=<code> to the cookies to name a referrer:"))
		m.app.printf("curl -i -X POST http://%s/v1/auth/attribute -H 'X-CSRF-Token: %s' -H 'Content-Type: application/json' -b '%s=%s; %s=%s' -d '{}'\n",
			dialable(m.cfg.Listen), t.CSRF, auth.SessionCookie, t.Session, auth.CSRFCookie, t.CSRF)
	})
}

// dialable turns an address to listen on into one to call: of all interfaces, the local one.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || (err == nil && addr.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

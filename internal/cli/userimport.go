package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/jsonl"
	"github.com/triport/triport-console/internal/store/sqlite"
)

type userImportOptions struct{ file string }

func newUserImport(a *app) *cobra.Command {
	cmd := leaf(a, "import FILE", "make the accounts a console has already",
		`Make accounts from JSON lines, in FILE or, for -, on standard input:
{"id":"<UUID>","email":"…","display_name":"…","created_at":"<RFC 3339>"}
All but email may be left out. An account that exists already is left as it is,
so running it twice is as good as once. The database is made when it does not
exist.

A line that makes no account is reported with its number, and the rest goes on;
the exit code is then 1. Safe beside a running server.`,
		`  triport-console user import users.jsonl
  jq -c '.[] | {id, email, created_at}' export.json | triport-console user import -`,
		func(_ *cobra.Command, args []string) (action, error) {
			if err := exactly(args, "FILE"); err != nil {
				return nil, err
			}
			return userImportOptions{args[0]}, nil
		})
	cmd.ValidArgsFunction = nil
	return cmd
}

type importJSON struct {
	Read      int64 `json:"read"`
	Created   int64 `json:"created"`
	Unchanged int64 `json:"unchanged"`
	Malformed int64 `json:"malformed"`
}

func (opt userImportOptions) run(ctx context.Context, a *app) error {
	input, size, err := a.openInput(opt.file)
	if err != nil {
		return err
	}
	defer closeInput(input)
	return a.withStore(ctx, sqlite.Create, func(store *sqlite.Store, _ Config) error {
		im := &importer{app: a, store: store, now: a.now(), random: bufio.NewReader(a.Random),
			size: firstImportBatch, progress: a.newProgress("import", size)}
		err := im.lines(ctx, interruptible(ctx, im.progress.reader(input)))
		im.progress.done()
		if ctx.Err() != nil {
			err = errInterruptedWithin
		}
		if err == nil && im.report.Malformed > 0 {
			err = fmt.Errorf("%s made no account: mend the file and run the command again, what is done stays as it is",
				plural(im.report.Malformed, "line"))
		}
		return errors.Join(err, a.result(im.report, func() { a.printImport(im.report) }))
	})
}

func (a *app) printImport(v importJSON) {
	a.printCount("read", v.Read)
	a.printCount("created", v.Created)
	a.printCount("unchanged", v.Unchanged)
	a.printCount("malformed", v.Malformed)
}

// A batch is one transaction, which keeps a server's own writes waiting: it must stay below 250 ms
// also on a slow disk, so its size follows what the last one took.
const (
	firstImportBatch = 100
	maxImportBatch   = 500
	minImportBatch   = 10
	slowImportBatch  = 100 * time.Millisecond
)

// importer gathers accounts into transactions and counts what became of them.
type importer struct {
	app      *app
	store    *sqlite.Store
	now      time.Time // of the accounts whose line has no time
	random   io.Reader
	progress *progress
	report   importJSON

	size    int
	users   []auth.User
	waiting []waitingLine // those of the users, and the malformed ones among them, in file order
}

// waitingLine is a line whose verdict, or whose report, waits for the transaction.
type waitingLine struct {
	number int
	err    error // nil: it is the next of the users
}

func (im *importer) lines(ctx context.Context, r io.Reader) error {
	for l, err := range jsonl.Lines(r) {
		if err != nil {
			return errors.Join(err, im.flush(ctx))
		}
		im.report.Read++
		if err := im.add(ctx, l); err != nil {
			return err
		}
	}
	return im.flush(ctx)
}

// add takes a line. A malformed one is reported at once unless one before it may still turn out to be
// so too: bad lines are reported in file order.
func (im *importer) add(ctx context.Context, l jsonl.Line) error {
	u, err := im.account(l)
	if err != nil && len(im.users) == 0 {
		im.bad(l.Number, err)
		return nil
	}
	if err == nil {
		im.users = append(im.users, u)
	}
	im.waiting = append(im.waiting, waitingLine{l.Number, err})
	if len(im.waiting) < im.size {
		return nil
	}
	return im.flush(ctx)
}

func (im *importer) account(l jsonl.Line) (auth.User, error) {
	if l.Rest != nil {
		return auth.User{}, jsonl.ErrTooLong
	}
	u, err := parseImportLine(l.Text)
	if err == nil && u.CreatedAt.IsZero() {
		u.CreatedAt = im.now
	}
	return u, err
}

// flush makes what is waiting. On an error nothing of it is made, and nothing of it counted.
func (im *importer) flush(ctx context.Context) error {
	if len(im.users) == 0 {
		return nil
	}
	start := im.app.Now()
	verdicts, err := im.store.ImportUsers(ctx, im.users, func() (string, error) { return newUserID(im.random) })
	if err != nil {
		im.report.Read -= int64(len(im.waiting))
		return fmt.Errorf("import %s: %w", plural(int64(len(im.users)), "account"), err)
	}
	im.adapt(im.app.Now().Sub(start))
	for _, l := range im.waiting {
		if l.err != nil {
			im.bad(l.number, l.err)
			continue
		}
		im.count(l.number, verdicts[0])
		verdicts = verdicts[1:]
	}
	im.users, im.waiting = im.users[:0], im.waiting[:0]
	im.progress.lines(im.report.Read)
	return nil
}

func (im *importer) count(number int, v auth.ImportResult) {
	switch {
	case v.Created:
		im.report.Created++
	case v.Err != nil:
		im.bad(number, v.Err)
	default:
		im.report.Unchanged++
	}
}

// adapt sets the size of the next batch by what the last one took.
func (im *importer) adapt(took time.Duration) {
	switch {
	case took > slowImportBatch:
		im.size = max(minImportBatch, im.size/2)
	case took < slowImportBatch/2:
		im.size = min(maxImportBatch, im.size*2)
	}
}

func (im *importer) bad(number int, err error) {
	im.report.Malformed++
	im.progress.clear()
	fmt.Fprintf(im.app.Err, "line %d: %s\n", number, escapeText(err.Error()))
}

var errImportLine = errors.New(`not a JSON object with the strings email and, where they are known, id, display_name and created_at`)

// parseImportLine reads an account. Without an id or a time in the line, they are empty. The error
// never quotes the line.
func parseImportLine(text []byte) (auth.User, error) {
	var l struct {
		ID          string `json:"id"`
		Email       string `json:"email"`
		DisplayName string `json:"display_name"`
		CreatedAt   string `json:"created_at"`
	}
	// The JSON parser would put U+FFFD in the place of such bytes, and of half a surrogate pair: what came
	// out would be another name, or another person's address.
	if !utf8.Valid(text) {
		return auth.User{}, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return auth.User{}, errImportLine
	}
	if strings.ContainsRune(l.Email, utf8.RuneError) {
		return auth.User{}, errors.New("email: holds U+FFFD or half a surrogate pair in the place of a character")
	}
	u := auth.User{DisplayName: l.DisplayName}
	var err error
	if u.Email, err = auth.NormalizeEmail(l.Email); err != nil {
		return auth.User{}, fmt.Errorf("email: %w", auth.ErrEmail)
	}
	if l.ID != "" {
		var ok bool
		if u.ID, ok = auth.NormalizeID(l.ID); !ok {
			return auth.User{}, errors.New("id: not a UUID of 36 characters")
		}
	}
	if l.CreatedAt != "" {
		at, err := time.Parse(time.RFC3339Nano, l.CreatedAt)
		if err != nil || at.UTC().Year() < 1970 || at.UTC().Year() > 9999 {
			return auth.User{}, errors.New("created_at: no RFC 3339 time since 1970, such as 2026-01-31T12:00:00Z")
		}
		u.CreatedAt = at.UTC().Truncate(time.Microsecond)
	}
	return u, nil
}

package cli

import (
	"bufio"
	"context"
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

func newUserImport(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "import existing accounts",
		Long: `Import accounts from JSON lines, in FILE or, for -, on standard input:
{"id":"<your id>","email":"…","display_name":"…","created_at":"<RFC 3339>"}
A line needs an id or an e-mail address. A known id, or without one a known
address, updates the account: a field that is absent or null keeps its value, ""
removes it, and the earliest created_at counts. Importing twice equals importing
once. The database is created if it does not exist.

A malformed line is reported with its number, the other lines are imported, and
the exit code is 1. Safe while the server runs.`,
		Example: `  triport-console user import users.jsonl
  jq -c '.[] | {id, email, created_at}' export.json | triport-console user import -`,
		RunE: e.action(func(args []string) command { return userImportOptions{args[0]} }),
	}
}

func (opt userImportOptions) run(ctx context.Context, e *env) error {
	input, size, err := e.openInput(opt.file)
	if err != nil {
		return err
	}
	defer func() { _ = input.Close() }() // it was only read
	return e.withStore(ctx, sqlite.Create, func(store *sqlite.Store) error {
		p := e.newProgress("import", size)
		im := &importer{ctx: ctx, env: e, store: store, random: bufio.NewReader(e.Random)}
		im.batcher = jsonl.Batcher[auth.ImportUser]{Size: firstImportBatch, Store: im.storeBatch, Progress: p.lines}
		im.batcher.OnBad = func(number int, _ io.Reader, reason error) error {
			p.badLine(number, reason)
			return nil
		}
		err := im.batcher.Run(jsonl.Parse(interruptible(ctx, p.reader(input)), parseAccount))
		p.done()
		if ctx.Err() != nil {
			err = errPartlyDone
		}
		read, malformed := im.batcher.Read, im.batcher.Bad
		if err == nil && malformed > 0 {
			err = fmt.Errorf("%s not imported: correct the file and run the command again, what is done stays as it is",
				plural(malformed, "line"))
		}
		v := object{{"read", read}, {"created", im.created}, {"updated", im.updated}, {"unchanged", im.unchanged}, {"malformed", malformed}}
		return errors.Join(err, e.result(v, func() { e.printCounts(v...) }))
	})
}

// firstImportBatch is the size of the first batch.
const firstImportBatch = 100

// importer imports accounts and counts the results.
type importer struct {
	ctx                         context.Context
	env                         *env
	store                       *sqlite.Store
	random                      io.Reader
	batcher                     jsonl.Batcher[auth.ImportUser]
	created, updated, unchanged int64
}

func (im *importer) storeBatch(users []auth.ImportUser) ([]error, error) {
	start := im.env.Now()
	results, err := im.store.ImportUsers(im.ctx, users, func() (string, error) { return newUserID(im.random) }, im.env.now())
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", plural(len(users), "account"), err)
	}
	im.batcher.Size = nextImportBatch(im.batcher.Size, im.env.Now().Sub(start))
	return convert(results, func(r auth.ImportResult) error {
		switch {
		case r.Err != nil:
		case r.Created:
			im.created++
		case r.Updated:
			im.updated++
		default:
			im.unchanged++
		}
		return r.Err
	}), nil
}

// nextImportBatch returns the size of the next batch. The server's writes wait for a batch: it must take less than
// 250 ms.
func nextImportBatch(size int, took time.Duration) int {
	switch {
	case took > 100*time.Millisecond:
		return max(10, size/2)
	case took < 50*time.Millisecond:
		return min(500, size*2)
	}
	return size
}

// parseAccount returns an error that never quotes the line. A field that is absent or null stays nil or zero.
func parseAccount(line jsonl.Line) (u auth.ImportUser, err error) {
	var l struct {
		ID          string  `json:"id"`
		Email       *string `json:"email"`
		DisplayName *string `json:"display_name"`
		CreatedAt   string  `json:"created_at"`
	}
	if err := line.Unmarshal(&l, "id, email, display_name and created_at"); err != nil {
		return u, err
	}
	if l.ID == "" && (l.Email == nil || *l.Email == "") {
		return u, errors.New("neither an id nor an e-mail address")
	}
	if l.ID != "" {
		if u.ID, err = auth.NormalizeID(l.ID); err != nil {
			return auth.ImportUser{}, fmt.Errorf("id: %w", err)
		}
	}
	if u.Email, err = parseImportedEmail(l.Email); err != nil {
		return auth.ImportUser{}, fmt.Errorf("email: %w", err)
	}
	if u.DisplayName = l.DisplayName; u.DisplayName != nil {
		if err := auth.CheckName(*u.DisplayName); err != nil {
			return auth.ImportUser{}, fmt.Errorf("display_name: %w", err)
		}
	}
	if l.CreatedAt != "" {
		if u.CreatedAt, err = jsonl.ParseTime(l.CreatedAt); err != nil {
			return auth.ImportUser{}, fmt.Errorf("created_at: %w", err)
		}
	}
	return u, nil
}

// parseImportedEmail keeps nil and the empty text, which removes the address.
func parseImportedEmail(text *string) (*string, error) {
	if text == nil || *text == "" {
		return text, nil
	}
	if strings.ContainsRune(*text, utf8.RuneError) { // the JSON parser's replacement for half a surrogate pair
		return nil, errors.New("contains U+FFFD or half a surrogate pair instead of a character")
	}
	email, err := auth.NormalizeEmail(*text)
	if err != nil {
		return nil, auth.ErrEmail
	}
	return &email, nil
}

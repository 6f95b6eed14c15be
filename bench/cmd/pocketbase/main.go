// Command pocketbase is the endpoint as a custom route of PocketBase on its own collections. Each choice is
// the faster one: text fields instead of relations, no request log, no lookup that the product does not make.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"

	"github.com/triport/triport-console/bench/internal/seed"
	"github.com/triport/triport-console/bench/internal/serve"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` to listen on")
	dir := flag.String("dir", "pb_data", "data `directory`")
	full := flag.Bool("full", false, "fsync before every answer, which is not PocketBase's default")
	people := flag.Int64("seed", 0, "create the directory with this number of signed-in `people`, and exit")
	flag.Parse()
	if err := run(*listen, *dir, *full, *people); err != nil {
		fmt.Fprintln(os.Stderr, "pocketbase:", err)
		os.Exit(1)
	}
}

func run(listen, dir string, full bool, people int64) error {
	cfg := core.BaseAppConfig{DataDir: dir}
	if full {
		cfg.DBConnect = connectFull
	}
	app := core.NewBaseApp(cfg)
	if err := app.Bootstrap(); err != nil {
		return err
	}
	if people > 0 {
		return errors.Join(prepare(app), app.ResetBootstrapState(), fill(context.Background(), dir, people))
	}
	app.OnServe().BindFunc(func(e *core.ServeEvent) error {
		e.InstallerFunc = nil
		e.Router.POST(serve.Path, attribute)
		ln, err := serve.Listen(listen, os.Stdout)
		if err != nil {
			return err
		}
		e.Listener = ln
		return e.Next()
	})
	ctx, cancel := serve.SignalContext()
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- apis.Serve(app, apis.ServeConfig{HttpAddr: listen}) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	return app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(e *core.TerminateEvent) error {
		return e.App.ResetBootstrapState()
	})
}

// connectFull is PocketBase's own connection, except for synchronous.
func connectFull(path string) (*dbx.DB, error) {
	return dbx.Open("sqlite", path+"?"+strings.Join([]string{
		"_pragma=busy_timeout(10000)", "_pragma=journal_mode(WAL)", "_pragma=journal_size_limit(200000000)",
		"_pragma=synchronous(FULL)", "_pragma=foreign_keys(ON)", "_pragma=temp_store(MEMORY)", "_pragma=cache_size(-32000)",
	}, "&"))
}

// prepare creates the collections.
func prepare(app core.App) error {
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	settings := app.Settings()
	settings.Logs.MaxDays = 0
	if err := app.Save(settings); err != nil {
		return err
	}
	for _, c := range []struct {
		name, unique string
		fields       []string
	}{
		{"people", "user", []string{"user", "email", "disabled"}},
		{"logins", "token", []string{"token", "user", "csrf"}},
		{"codes", "code", []string{"code", "user", "disabled"}},
		{"attributions", "invitee", []string{"invitee", "referrer", "code", "attempt"}},
		{"events", "attempt", []string{"user", "type", "code", "referrer", "reason", "source", "attempt", "request"}},
	} {
		collection := core.NewBaseCollection(c.name)
		for _, f := range c.fields {
			collection.Fields.Add(&core.TextField{Name: f})
		}
		collection.Fields.Add(&core.AutodateField{Name: "at", OnCreate: true})
		collection.AddIndex("idx_"+c.name+"_"+c.unique, true, "`"+c.unique+"`", "")
		if c.name == "attributions" {
			collection.AddIndex("idx_attributions_referrer", false, "`referrer`, `at`", "")
		}
		if err := app.Save(collection); err != nil {
			return fmt.Errorf("create collection %s: %w", c.name, err)
		}
	}
	return nil
}

// fill adds the same referrers and people with sessions as the product's databases have.
func fill(ctx context.Context, dir string, people int64) error {
	if err := seed.Register(); err != nil {
		return err
	}
	const recordID = `printf('p%014d', n)`
	return seed.Bulk(ctx, filepath.Join(dir, "data.db"), func(db *sql.DB) error {
		for _, q := range []struct {
			query string
			from  int64
		}{
			{`INSERT INTO people (id, user, email, at) SELECT ` + recordID + `, person_text_id(n), person_email(n), '' FROM people`, 0},
			{`INSERT INTO codes (id, code, user, at) SELECT ` + recordID + `, person_code(n), person_text_id(n), '' FROM people`, 0},
			{`INSERT INTO logins (id, token, user, csrf, at)
			  SELECT ` + recordID + `, lower(hex(person_token(n))), person_text_id(n), lower(hex(person_csrf(n))), '' FROM people`, seed.Referrers},
		} {
			if err := seed.Insert(ctx, db, q.query, q.from, seed.Referrers+people); err != nil {
				return err
			}
		}
		return nil
	})
}

// Command walbytes attributes people in batches of one size and prints, as one line of JSON, how many bytes the
// write-ahead log grew. It calls the store without HTTP: only there is a size of batches certain.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/triport/triport-console/bench/internal/seed"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
)

func main() {
	database := flag.String("database", "triport.db", "database `file`, seeded")
	batch := flag.Int("batch", 28, "attributions per transaction")
	first := flag.Int64("first", 0, "the first person of those to choose from")
	people := flag.Int64("people", 0, "how many people to choose from")
	count := flag.Int64("count", 0, "how many of them are attributed")
	inOrder := flag.Bool("in-order", false, "attribute in the order of the accounts, not in random order")
	flag.Parse()
	order := rand.New(rand.NewPCG(1, 2)).Perm(int(*people))
	for i := range order {
		if *inOrder {
			order[i] = i
		}
		order[i] += int(*first)
	}
	if err := run(*database, *batch, order[:*count]); err != nil {
		fmt.Fprintln(os.Stderr, "walbytes:", err)
		os.Exit(1)
	}
}

func run(database string, batch int, people []int) (err error) {
	var batches int64 // changed by the writer only
	store, err := sqlite.Open(context.Background(), database, sqlite.Options{
		Mode: sqlite.Create, BatchSize: batch, Observe: func(sqlite.Commit) { batches++ },
	})
	if err != nil {
		return err
	}
	release, err := holdWAL(database)
	if err != nil {
		return errors.Join(err, store.Close())
	}
	before, err := walSize(database)
	if err == nil {
		err = attribute(store, people, 4*batch)
	}
	after, serr := walSize(database)
	if err := errors.Join(err, serr, release(), store.Close()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		Batches int64 `json:"batches"`
		Bytes   int64 `json:"bytes"`
	}{batches, after - before})
}

// attribute keeps more callers waiting than a batch takes, so all batches but the last are full.
func attribute(store *sqlite.Store, people []int, callers int) error {
	var next atomic.Int64
	var failed atomic.Value
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(people)) && failed.Load() == nil; i = next.Add(1) - 1 {
				if err := one(store, int64(people[i])); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	group.Wait()
	err, _ := failed.Load().(error)
	return err
}

func one(store *sqlite.Store, n int64) error {
	o, err := store.Attribute(context.Background(), referral.Attempt{
		ID: seed.AttemptID(n), User: seed.ID(n), Code: referral.ParsePresentedCode(seed.Code(seed.ReferrerOf(n))),
		At: time.Now().UTC().Truncate(time.Microsecond), RequestID: "req_0123456789abcdef", Source: referral.SourceLive,
	}, referral.Rules{})
	if err == nil && !o.Attributed {
		err = fmt.Errorf("person %d was not attributed: %s", n, o.Reason)
	}
	return err
}

// holdWAL opens a read transaction, so no checkpoint starts the log again.
func holdWAL(database string) (release func() error, err error) {
	db, err := sql.Open("sqlite", "file:"+url.PathEscape(database)+"?mode=ro")
	if err != nil {
		return nil, err
	}
	tx, err := db.Begin()
	if err == nil {
		err = tx.QueryRow("SELECT count(*) FROM sqlite_schema").Scan(new(int))
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}

func walSize(database string) (int64, error) {
	info, err := os.Stat(database + "-wal")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

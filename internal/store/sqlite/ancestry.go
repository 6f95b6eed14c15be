package sqlite

import (
	"context"
	"math"
	"sync"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const (
	// maxLinks bounds what the writer reads of one chain of referrals.
	maxLinks = 16
	// landmarkEvery is how many links of a long chain share one entry, so a walk reaches an entry within maxLinks.
	landmarkEvery = 8
	// maxAncestors bounds the memory of an ancestry to about 6 MiB.
	maxAncestors = 1 << 17
)

// ancestry has for some users a referrer above them, directly or through others, or 0 if the chain above is a ring, as
// only a damaged file can hold. A committed attribution is permanent, so an entry stays true. Safe for concurrent use.
type ancestry struct {
	mu    sync.Mutex
	above map[int64]int64
}

func newAncestry() *ancestry { return &ancestry{above: make(map[int64]int64)} }

func (a *ancestry) get(n int64) (ancestor int64, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ancestor, known = a.above[n]
	return ancestor, known
}

// put makes ancestor the entry of all users in from but itself.
func (a *ancestry) put(from []int64, ancestor int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.above)+len(from) > maxAncestors {
		clear(a.above)
	}
	for _, n := range from[:min(len(from), maxAncestors)] {
		if n != ancestor {
			a.above[n] = ancestor
		}
	}
}

// chain is the walk from a user to the one above it without a referrer.
type chain struct {
	passed []int64 // the first user and some of the others
	top    int64   // where the walk ended; 0 in a ring
	known  bool    // false: the chain goes on
}

const selectReferrer = `SELECT referrer FROM attributions WHERE invitee = ?1`

// climb ends after limit links, or once ctx ends.
func (a *ancestry) climb(ctx context.Context, c *engine.Conn, from int64, limit int) (chain, error) {
	w := chain{passed: []int64{from}, top: from}
	mark, next := from, 1 // mark moves to the top at doubling distances, until a ring leads back to it
	for links := 1; links <= limit && ctx.Err() == nil; links++ {
		referrer, cached := a.get(w.top)
		if !cached {
			found, err := c.Query(selectReferrer, w.top).One(&referrer)
			if err != nil || !found {
				w.known = err == nil
				return w, err
			}
		}
		if referrer == 0 || referrer == mark {
			w.top, w.known = 0, true
			return w, nil
		}
		if w.top = referrer; cached || links%landmarkEvery == 0 {
			w.passed = append(w.passed, referrer)
		}
		if links == next {
			mark, next = referrer, 2*next
		}
	}
	return w, ctx.Err()
}

// resolveChain learns the chain above a user outside of the writer: it may be as long as there are users.
func (s *Store) resolveChain(ctx context.Context, user int64) error {
	return s.ReadSnapshot(ctx, func(c *engine.Conn) error {
		w, err := s.ancestry.climb(ctx, c, user, math.MaxInt)
		if err != nil && ctx.Err() != nil {
			w.passed = w.passed[:1] // the next call goes on from here
		}
		if err == nil || ctx.Err() != nil {
			s.ancestry.put(w.passed, w.top)
		}
		return err
	})
}

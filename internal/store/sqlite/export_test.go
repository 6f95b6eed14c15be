package sqlite

import (
	"context"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// HoldReaders keeps every connection that reads busy, as a disk that hangs would, until release.
func (s *Store) HoldReaders() (release func()) {
	const readers = 4
	held, done := make(chan struct{}), make(chan struct{})
	for range readers {
		go func() {
			_ = s.Read(context.Background(), func(*engine.Conn) error {
				held <- struct{}{}
				<-done
				return nil
			})
		}()
	}
	for range readers {
		<-held
	}
	return func() { close(done) }
}

// FillDisk keeps the database from growing, as a full disk does, until the room is given back.
func (s *Store) FillDisk(ctx context.Context) (room func()) {
	limit := func(pragma string) {
		if err := s.WriteAlone(ctx, func(c *engine.Conn) error { return c.Pragma(pragma) }); err != nil {
			panic(err)
		}
	}
	limit("max_page_count = 1") // SQLite takes the present size if that is more
	return func() { limit("max_page_count = 1073741823") }
}

// FailFsync has a transaction fail as an fsync does.
func (s *Store) FailFsync(ctx context.Context) {
	err := s.WriteAlone(ctx, func(*engine.Conn) error { return engine.Error{Code: sqlite3.SQLITE_IOERR_FSYNC} })
	if err == nil {
		panic("it did not fail")
	}
}

// TopInWriter is how the writer finds the top of the chain above a user. known is false if that takes more than maxLinks.
func (s *Store) TopInWriter(ctx context.Context, user int64) (top int64, known bool, err error) {
	err = s.WriteAlone(ctx, func(c *engine.Conn) error {
		w, err := s.ancestry.climb(ctx, c, user, maxLinks)
		top, known = w.top, w.known
		return err
	})
	return top, known, err
}

// Ancestors returns how many users the ancestry knows.
func (s *Store) Ancestors() int { return len(s.ancestry.above) }

// ReplayedAtOnce returns how many of the attempts one transaction decides.
func (s *Store) ReplayedAtOnce(ctx context.Context, attempts []referral.Attempt) (n int, err error) {
	r := replay{store: s}
	err = s.WriteBulk(ctx, func(c *engine.Conn) error { return r.run(c, attempts, r.replayOne) })
	return len(r.verdicts), err
}

// UserStatements are the statements about one user or attempt. Their cost must not grow with other users' rows.
var UserStatements = map[string]string{
	"facts": selectFacts, "session": selectSession, "rejection limit": selectRejectionLimit,
	"recorded signup": selectRecordedSignup, "recorded rejection": selectRecordedRejection,
	"attributed later": selectAttributedLater, "referrer": selectReferrer, "event": insertEvent,
	"attribution": insertAttribution, "user": selectAccount + whereUser, "revoke": revokeUserSessions,
	"active slug": selectCode + whereActiveSlug, "disable slug": disableActiveSlug,
	"uid code": selectCode + whereUID, "slugs": selectCode + whereCustom,
	"events": selectUserEvents, "rejections": selectRejections + rejectionsOfUser,
	"invitee count": countInvitees, "latest invitees": selectRelation + latestInvitees, "referred by": selectRelation + referredBy,
}

// RingsOf is ringsOf.
var RingsOf = ringsOf

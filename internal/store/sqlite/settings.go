package sqlite

import (
	"context"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

// signupWindow is a name in the table settings. Its value is in nanoseconds.
const signupWindow = "referral.signup_window"

// SignupWindow returns the recorded signup window. found is false if none was recorded.
func (s *Store) SignupWindow(ctx context.Context) (window time.Duration, found bool, err error) {
	var value int64
	err = s.Read(ctx, func(c *engine.Conn) (err error) {
		found, err = c.Query(`SELECT value FROM settings WHERE name = ?1`, signupWindow).One(&value)
		return err
	})
	return time.Duration(value), found, err
}

// RecordSignupWindow records what serve decides with. It writes only a change. ctx bounds the wait for the write lock.
func (s *Store) RecordSignupWindow(ctx context.Context, window time.Duration) error {
	if recorded, found, err := s.SignupWindow(ctx); err != nil || found && recorded == window {
		return err
	}
	return s.WriteAlone(ctx, func(c *engine.Conn) error {
		_, err := c.Exec(`
INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2`, signupWindow, int64(window))
		return err
	})
}

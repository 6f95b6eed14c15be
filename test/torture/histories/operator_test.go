package histories

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/store/sqlite"
	"github.com/triport/triport-console/test/torture/harness"
)

// operator runs operator commands. The result for a slug is the slug, or one of the words below.
type operator interface {
	setSlug(ctx context.Context, user, slug string) (result string, err error)
	disableSlug(ctx context.Context, user string) (result string, err error)
	disableUser(ctx context.Context, user string) error
	enableUser(ctx context.Context, user string) error
	revoke(ctx context.Context, user string) (revoked int64, err error)
	replayLines(ctx context.Context, file string) (referral.Report, error)
	replayRejected(ctx context.Context, user string) (referral.Report, error)
}

const (
	resultTaken     = "taken"
	resultPermanent = "permanent"
	resultNone      = "none"
	resultDisabled  = "disabled"
)

var options = referral.Options{Rules: referral.Rules{SignupWindow: signupWindow}}

// storeOperator uses the store of the commands, with a connection of this process.
type storeOperator struct{ *sqlite.Store }

// now returns the time as the store keeps it, in whole microseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (o *storeOperator) setSlug(ctx context.Context, user, slug string) (string, error) {
	c, err := o.SetSlug(ctx, user, slug, now())
	switch {
	case errors.Is(err, referral.ErrTaken):
		return resultTaken, nil
	case errors.Is(err, referral.ErrPermanent):
		return resultPermanent, nil
	}
	return c.Code, err
}

func (o *storeOperator) disableSlug(ctx context.Context, user string) (string, error) {
	c, err := o.DisableSlug(ctx, user, now())
	if errors.Is(err, referral.ErrNoSlug) {
		return resultNone, nil
	}
	return c.Code, err
}

func (o *storeOperator) disableUser(ctx context.Context, user string) error {
	_, _, err := o.DisableUser(ctx, user, now())
	return err
}

func (o *storeOperator) enableUser(ctx context.Context, user string) error {
	_, err := o.EnableUser(ctx, user)
	return err
}

func (o *storeOperator) revoke(ctx context.Context, user string) (int64, error) {
	return o.RevokeSessions(ctx, user, now())
}

func (o *storeOperator) replayLines(ctx context.Context, file string) (referral.Report, error) {
	return referral.ReplayLines(ctx, o.Store, strings.NewReader(file), referral.SourceReplay, options)
}

func (o *storeOperator) replayRejected(ctx context.Context, user string) (referral.Report, error) {
	return referral.ReplayRejected(ctx, o.Store, o.Rejected(ctx, referral.RejectedFilter{UserID: user}), options)
}

// commandOperator runs the real commands.
type commandOperator struct{ site *harness.Site }

// run runs a command and decodes its output. rejections maps texts of its permitted errors to results.
func (o *commandOperator) run(in string, output any, rejections map[string]string, args ...string) (result string, err error) {
	out, err := o.site.Run([]byte(in), append(args, "-o", "json")...)
	if err == nil {
		err = json.Unmarshal(out, output)
	}
	for message, result := range rejections {
		if err != nil && harness.ExitCode(err) == 1 && strings.Contains(err.Error(), message) {
			return result, nil
		}
	}
	return "", err
}

func (o *commandOperator) setSlug(_ context.Context, user, slug string) (string, error) {
	var set struct{ Code string }
	result, err := o.run("", &set, map[string]string{
		referral.ErrTaken.Error(): resultTaken, referral.ErrPermanent.Error(): resultPermanent,
	}, "code", "set", user, slug)
	return result + set.Code, err
}

func (o *commandOperator) disableSlug(_ context.Context, user string) (string, error) {
	var disabled struct{ Code string }
	result, err := o.run("", &disabled, map[string]string{referral.ErrNoSlug.Error(): resultNone}, "code", "disable", user)
	return result + disabled.Code, err
}

func (o *commandOperator) disableUser(_ context.Context, user string) error {
	_, err := o.run("", &struct{}{}, nil, "user", "disable", user)
	return err
}

func (o *commandOperator) enableUser(_ context.Context, user string) error {
	_, err := o.run("", &struct{}{}, nil, "user", "enable", user)
	return err
}

func (o *commandOperator) revoke(_ context.Context, user string) (int64, error) {
	var done struct{ Revoked int64 }
	_, err := o.run("", &done, nil, "session", "revoke", user)
	return done.Revoked, err
}

func (o *commandOperator) replayLines(_ context.Context, file string) (referral.Report, error) {
	return o.replay(file, "--from", "-")
}

func (o *commandOperator) replayRejected(_ context.Context, user string) (referral.Report, error) {
	return o.replay("", "--rejected", "--user", user)
}

func (o *commandOperator) replay(in string, args ...string) (referral.Report, error) {
	var r referral.Report
	_, err := o.run(in, &r, nil, append([]string{"referral", "replay"}, args...)...)
	if err != nil {
		return r, fmt.Errorf("replay: %w", err)
	}
	return r, nil
}

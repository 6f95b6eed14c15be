package histories

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/test/torture/harness"
)

// The suite relies on the model, so the model itself is tested with short histories.
func TestModelRejectsForbiddenHistories(t *testing.T) {
	const attributed = referral.Reason("attributed")
	signup := func(attempt, user, owner int) event {
		return event{attempt: attempt, user: user, signup: true, code: uid(owner), referrer: owner, source: "live"}
	}
	tests := []struct {
		name    string
		records []*record
		log     []event
		valid   bool
	}{
		{"one attribution", []*record{call(0, 0, 1, 1, 2, attributed)}, []event{signup(0, 0, 1)}, true},
		{"an answer without its event", []*record{call(0, 0, 1, 1, 2, attributed)}, nil, false},
		{"credit to a user who is not the owner", []*record{call(0, 0, 1, 1, 2, attributed)},
			[]event{{user: 0, signup: true, code: uid(1), referrer: 2, source: "live"}}, false},
		{"attributed twice", []*record{call(0, 0, 1, 1, 2, attributed), call(1, 0, 2, 3, 4, attributed)},
			[]event{signup(0, 0, 1), signup(1, 0, 2)}, false},
		{"attributed once", []*record{call(0, 0, 1, 1, 2, attributed), call(1, 0, 2, 3, 4, referral.ReasonAlreadyAttributed)},
			[]event{signup(0, 0, 1)}, true},
		{"already attributed before it was", []*record{call(0, 0, 1, 1, 2, referral.ReasonAlreadyAttributed), call(1, 0, 2, 3, 4, attributed)},
			[]event{signup(1, 0, 2)}, false},
		{"a cycle", []*record{call(0, 0, 1, 1, 4, attributed), call(1, 1, 0, 2, 3, attributed)},
			[]event{signup(0, 0, 1), signup(1, 1, 0)}, false},
		{"a cycle of three", []*record{call(0, 0, 1, 1, 9, attributed), call(1, 1, 2, 1, 9, attributed), call(2, 2, 0, 1, 9, attributed)},
			[]event{signup(0, 0, 1), signup(1, 1, 2), signup(2, 2, 0)}, false},
		{"a chain of three", []*record{call(0, 0, 1, 1, 9, attributed), call(1, 1, 2, 1, 9, attributed)},
			[]event{signup(0, 0, 1), signup(1, 1, 2)}, true},
		{"a log that contradicts time", []*record{call(0, 0, 2, 1, 2, attributed), call(1, 1, 2, 3, 4, attributed)},
			[]event{signup(1, 1, 2), signup(0, 0, 2)}, false},
		{"a log of concurrent calls in either order", []*record{call(0, 0, 2, 1, 4, attributed), call(1, 1, 2, 2, 3, attributed)},
			[]event{signup(1, 1, 2), signup(0, 0, 2)}, true},
		{"accepted after the session was revoked", []*record{revoke(0, 1, 1, 2), call(0, 0, 1, 3, 4, attributed)}, []event{signup(0, 0, 1)}, false},
		{"accepted while the session is revoked", []*record{revoke(0, 1, 1, 4), call(0, 0, 1, 2, 3, attributed)}, []event{signup(0, 0, 1)}, true},
		{"rejected while the session is revoked", []*record{revoke(0, 1, 1, 4), call(0, 0, 1, 2, 3, "")}, nil, true},
		{"rejected before the session is revoked", []*record{call(0, 0, 1, 1, 2, ""), revoke(0, 1, 3, 4)}, nil, false},
		{"accepted after the account was disabled", []*record{user(kindDisableUser, 0, 1, 2), call(0, 0, 1, 3, 4, attributed)}, []event{signup(0, 0, 1)}, false},
		{"accepted with a session from before the account was disabled and enabled",
			[]*record{user(kindDisableUser, 0, 1, 2), user(kindEnableUser, 0, 3, 4), call(0, 0, 1, 5, 6, attributed)}, []event{signup(0, 0, 1)}, false},
		{"credit to an owner who was disabled and enabled",
			[]*record{user(kindDisableUser, 1, 1, 2), user(kindEnableUser, 1, 3, 4), call(0, 0, 1, 5, 6, attributed)}, []event{signup(0, 0, 1)}, true},
		{"credit to a disabled owner", []*record{user(kindDisableUser, 1, 1, 2), call(0, 0, 1, 3, 4, attributed)}, []event{signup(0, 0, 1)}, false},
		{"revoked twice", []*record{revoke(0, 1, 1, 2), revoke(0, 1, 3, 4)}, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := newTestHistory(tt.records, tt.log).check(); (err == nil) != tt.valid {
				t.Errorf("valid: %v, want %v", err == nil, tt.valid)
			}
		})
	}
}

func uid(user int) string { return fmt.Sprintf("uid-code-%d", user) }

// newTestHistory returns a history of three users with a session each.
func newTestHistory(records []*record, log []event) *history {
	h := &history{records: records, log: log}
	for u := range 3 {
		h.users = append(h.users, account{User: auth.User{}, uid: uid(u)})
		h.sessions = append(h.sessions, session{user: u})
	}
	for _, r := range records {
		if r.kind == kindCall {
			w := &h.plan[r.number/turns]
			for len(*w) <= r.number%turns {
				*w = append(*w, operation{})
			}
			(*w)[r.number%turns] = r.operation
		}
	}
	return h
}

// call is a call with another user's uid code. Without an outcome it was answered 401.
func call(number, user, owner int, started, ended int64, outcome referral.Reason) *record {
	r := &record{
		operation: operation{kind: kindCall, user: user, session: user, code: code{uidCode, owner}},
		number:    number, worker: number, started: started, ended: ended, answer: harness.Answer{Status: http.StatusOK},
	}
	switch outcome {
	case "":
		r.answer.Status = http.StatusUnauthorized
	case "attributed":
		r.answer.Attributed = true
	default:
		r.answer.Reason = string(outcome)
	}
	return r
}

// user disables or enables an account.
func user(k kind, user int, started, ended int64) *record {
	return &record{operation: operation{kind: k, user: user}, worker: workers - 1, started: started, ended: ended}
}

func revoke(user int, revoked, started, ended int64) *record {
	return &record{operation: operation{kind: kindRevoke, user: user}, worker: workers - 1, started: started, ended: ended, revoked: revoked}
}

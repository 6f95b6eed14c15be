package auth

import (
	"errors"
	"fmt"
)

// Errors of a store about accounts.
var (
	// ErrNotFound reports that a user or a session does not exist.
	ErrNotFound = errors.New("not found")
	// ErrNoUser reports that a user does not exist. It wraps ErrNotFound.
	ErrNoUser = fmt.Errorf("no such user: %w", ErrNotFound)
	// ErrExists reports that an account with this id or e-mail address exists.
	ErrExists = errors.New("exists already")
)

// Account is a user with the referral code that was created with the account.
type Account struct {
	User User
	Code string // the uid code
}

// ImportResult is the outcome of one imported user.
type ImportResult struct {
	Created bool  // false: the account exists
	Err     error // the line contradicts an existing account
}

// ErrUserRef reports a text that is neither a user id, nor an e-mail address, nor a referral code.
var ErrUserRef = errors.New("neither a user id, nor an e-mail address, nor a referral code")

// UserRef is a reference to a user by exactly one of id, e-mail address and referral code, in canonical form.
type UserRef struct{ ID, Email, Code string }

// ParseUserRef parses the text with which a person names a user. parseCode is referral.ParseCode, which this
// package cannot import. The error is ErrUserRef.
func ParseUserRef(s string, parseCode func(string) (string, error)) (UserRef, error) {
	if id, ok := NormalizeID(s); ok {
		return UserRef{ID: id}, nil
	}
	if code, err := parseCode(s); err == nil {
		return UserRef{Code: code}, nil
	}
	if email, err := NormalizeEmail(s); err == nil {
		return UserRef{Email: email}, nil
	}
	return UserRef{}, ErrUserRef
}

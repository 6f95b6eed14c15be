package harness

import (
	"database/sql/driver"
	"fmt"

	"github.com/google/uuid"
)

// ID is the id of a user or an attempt in the database: 16 bytes for a UUID, otherwise text. NULL is "".
type ID string

// Scan reads the id of a row.
func (id *ID) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*id = ""
	case string:
		*id = ID(v)
	case []byte:
		u, err := uuid.FromBytes(v)
		*id = ID(u.String())
		return err
	default:
		return fmt.Errorf("an id is a %T", value)
	}
	return nil
}

// Value returns the id as the database holds it.
func (id ID) Value() (driver.Value, error) {
	if u, err := uuid.Parse(string(id)); err == nil && u.String() == string(id) {
		return u[:], nil
	}
	return string(id), nil
}

package engine

import (
	"database/sql/driver"

	"github.com/google/uuid"
)

// ID reads text, the 16 bytes of a UUID, and NULL as the empty string.
type ID string

func (d *ID) scan(v driver.Value) bool {
	switch v := v.(type) {
	case nil:
		*d = ""
	case string:
		*d = ID(v)
	case []byte:
		id, err := uuid.FromBytes(v)
		if err != nil {
			return false
		}
		*d = ID(id.String())
	default:
		return false
	}
	return true
}

// EncodeID returns a UUID in lower case as its 16 bytes, other text unchanged, and NULL for the empty string.
func EncodeID(id string) driver.Value {
	if u, err := uuid.Parse(id); err == nil && u.String() == id {
		return u[:]
	}
	return OrNull(id)
}

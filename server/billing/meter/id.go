package meter

import (
	"encoding/hex"
	"errors"
)

// ID is a UUID of an account, grant, hold or build. The zero value means none.
type ID [16]byte

var errID = errors.New("not a uuid")

// String returns the lower-case form with dashes, 36 characters.
func (id ID) String() string {
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// optional returns the empty string for the zero value.
func (id ID) optional() string {
	if id == (ID{}) {
		return ""
	}
	return id.String()
}

// UnmarshalText reads the form that String writes.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return errID
	}
	digits := make([]byte, 0, 32)
	for _, part := range [][]byte{text[0:8], text[9:13], text[14:18], text[19:23], text[24:36]} {
		digits = append(digits, part...)
	}
	var read ID
	if _, err := hex.Decode(read[:], digits); err != nil {
		return errID
	}
	*id = read
	return nil
}

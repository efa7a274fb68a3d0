package store

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuidValue is a UUID that the driver sends as its sixteen bytes. Without it the
// driver takes the detour over text, which for the arrays of an append costs more
// than the rest of the statement's encoding.
type uuidValue uuid.UUID

// UUIDValue implements [pgtype.UUIDValuer].
func (v uuidValue) UUIDValue() (pgtype.UUID, error) {
	return pgtype.UUID{Bytes: v, Valid: true}, nil
}

// uuidPlan hands a [uuid.UUID] on as a uuidValue.
type uuidPlan struct {
	next pgtype.EncodePlan
}

// SetNext implements [pgtype.WrappedEncodePlanNextSetter].
func (p *uuidPlan) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode implements [pgtype.EncodePlan].
func (p *uuidPlan) Encode(value any, buf []byte) ([]byte, error) {
	if id, ok := value.(uuid.UUID); ok {
		value = uuidValue(id)
	}
	return p.next.Encode(value, buf) //nolint:wrapcheck // the driver's own business
}

// wrapUUID implements [pgtype.TryWrapEncodePlanFunc].
func wrapUUID(value any) (plan pgtype.WrappedEncodePlanNextSetter, next any, ok bool) {
	id, ok := value.(uuid.UUID)
	if !ok {
		return nil, nil, false
	}
	return &uuidPlan{}, uuidValue(id), true
}

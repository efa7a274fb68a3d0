package store

import (
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuidCodec sends and reads a [uuid.UUID] as its sixteen bytes. Without it the
// driver takes the detour over text that the type offers to every database.
type uuidCodec struct{ pgtype.UUIDCodec }

var errUUIDLength = errors.New("a uuid has 16 bytes")

// registerUUID makes a connection's UUIDs, and arrays of them, take the short way.
func registerUUID(types *pgtype.Map) {
	single := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	types.RegisterType(single)
	types.RegisterType(&pgtype.Type{
		Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: single},
	})
	types.TryWrapScanPlanFuncs = append([]pgtype.TryWrapScanPlanFunc{wrapUUIDs}, types.TryWrapScanPlanFuncs...)
}

// wrapUUIDs spares a slice of UUIDs the way by reflection.
func wrapUUIDs(target any) (plan pgtype.WrappedScanPlanNextSetter, next any, ok bool) {
	ids, ok := target.(*[]uuid.UUID)
	if !ok {
		return nil, nil, false
	}
	return &uuidsPlan{}, (*pgtype.FlatArray[uuid.UUID])(ids), true
}

// uuidsPlan hands a slice of UUIDs on as an array that the driver knows.
type uuidsPlan struct{ next pgtype.ScanPlan }

// SetNext implements [pgtype.WrappedScanPlanNextSetter].
func (p *uuidsPlan) SetNext(next pgtype.ScanPlan) { p.next = next }

// Scan implements [pgtype.ScanPlan].
func (p *uuidsPlan) Scan(src []byte, target any) error {
	ids, _ := target.(*[]uuid.UUID)
	return p.next.Scan(src, (*pgtype.FlatArray[uuid.UUID])(ids)) //nolint:wrapcheck // the driver's own business
}

// PlanEncode implements [pgtype.Codec].
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return uuidEncodePlan{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan implements [pgtype.Codec].
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return uuidScanPlan{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type uuidEncodePlan struct{}

// Encode implements [pgtype.EncodePlan].
func (uuidEncodePlan) Encode(value any, buf []byte) ([]byte, error) {
	id, _ := value.(uuid.UUID)
	return append(buf, id[:]...), nil
}

type uuidScanPlan struct{}

// Scan implements [pgtype.ScanPlan].
func (uuidScanPlan) Scan(src []byte, target any) error {
	id, _ := target.(*uuid.UUID)
	if id == nil || len(src) != len(id) {
		return errUUIDLength
	}
	copy(id[:], src)
	return nil
}

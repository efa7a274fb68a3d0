package event

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

// defaultInternalPage is what a page size of 0 stands for.
const defaultInternalPage = 50

// internalPages binds page tokens to this list.
const internalPages = "internal_events"

// internalBytes bounds the data of a page: below the 4 MB that gRPC clients accept
// by default.
const internalBytes = 2 << 20

// ListInternalEvents implements the RPC.
func (s *Service) ListInternalEvents(
	ctx context.Context, req *eventv1.ListInternalEventsRequest,
) (*eventv1.ListInternalEventsResponse, error) {
	buildID, err := uuid.Parse(req.GetBuildId())
	if err != nil {
		return nil, fault.NotFound()
	}
	before, err := s.internalPosition(buildID, req.GetPageToken())
	if err != nil {
		return nil, err
	}
	found, err := s.log.queries.EventBuildExists(ctx, s.log.db, &store.EventBuildExistsParams{BuildID: buildID})
	if err != nil {
		return nil, fmt.Errorf("look for a build: %w", err)
	}
	if !found {
		return nil, fault.NotFound()
	}
	size := req.GetPageSize()
	if size == 0 {
		size = defaultInternalPage
	}
	events, err := s.log.InternalPage(ctx, buildID, before, size+1)
	if err != nil {
		return nil, err
	}
	return s.internalPage(buildID, events, int(size)), nil
}

// internalPosition is the seq that a page begins below; 0 for the first.
func (s *Service) internalPosition(buildID uuid.UUID, pageToken string) (int64, error) {
	key, err := s.tokens.OpenPage(pageToken, internalPages, buildID.String())
	if err != nil || (key != nil && len(key) != 8) {
		return 0, fault.PageTokenInvalid()
	}
	if key == nil {
		return 0, nil
	}
	return int64(binary.BigEndian.Uint64(key)), nil //nolint:gosec // sealed from an int64
}

// internalPage cuts what was read to a page, by number and by bytes.
func (s *Service) internalPage(buildID uuid.UUID, events []InternalEvent, size int) *eventv1.ListInternalEventsResponse {
	res := &eventv1.ListInternalEventsResponse{}
	var bytes int
	for i, e := range events {
		if bytes += len(e.Data); i == size || (i > 0 && bytes > internalBytes) {
			last := binary.BigEndian.AppendUint64(nil, uint64(events[i-1].Seq)) //nolint:gosec // read back as it is
			res.NextPageToken = s.tokens.SealPage(last, internalPages, buildID.String())
			break
		}
		res.Events = append(res.Events, &eventv1.InternalEvent{
			Kind: e.Kind, DataJson: string(e.Data), CreateTime: timestamppb.New(e.CreateTime),
		})
	}
	return res
}

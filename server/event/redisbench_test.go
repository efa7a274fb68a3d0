package event

import (
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/sheenapps/sheen/server/event/redistest"
)

// newBenchBatches are 64 batches of 4 records of 200 bytes, of 64 builds.
func newBenchBatches(b *testing.B, first int64) []Batch {
	b.Helper()
	batches := make([]Batch, 64)
	for i := range batches {
		batches[i].BuildID = uuid.New()
		for seq := first; seq < first+4; seq++ {
			batches[i].Records = append(batches[i].Records, newTextRecord(b, seq, 200))
		}
	}
	return batches
}

// BenchmarkRedisBusPublish is one pipeline: to the cache and to nobody.
func BenchmarkRedisBusPublish(b *testing.B) {
	server := redistest.Start(b)
	client := redis.NewClient(redisOptions(server.Addr()))
	defer client.Close()
	bus := NewRedisBus(client, nil, slog.New(slog.DiscardHandler))
	batches := newBenchBatches(b, 1)
	l := bus.publisher.outbox("")
	b.ReportAllocs()
	for b.Loop() {
		if !bus.publisher.send(l, batches) {
			b.Fatal("not sent")
		}
		// The cache takes a batch once.
		for _, batch := range batches {
			for i := range batch.Records {
				batch.Records[i].Seq += 4
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/256, "ns/record")
}

func BenchmarkDecodeFrame(b *testing.B) {
	frame := EncodeFrame(newBenchBatches(b, 1)[0].Records)
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		if _, err := DecodeFrame(frame); err != nil {
			b.Fatal(err)
		}
	}
}

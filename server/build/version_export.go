package build

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf8"

	"connectrpc.com/connect"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/store"
)

const (
	// exportChunk is the most that a message of an export carries, in bytes.
	exportChunk = 64 << 10
	// exportMode lets everybody read what is unpacked.
	exportMode = 0o644
	// exportDate is 1980-01-01 in the format's own encoding, the first day that it
	// knows: a version has no other times, and the archive is always the same.
	exportDate = 1<<5 | 1
	// utf8Flag says that a name is UTF-8 (APPNOTE.TXT of PKWARE, 4.4.4, bit 11).
	utf8Flag = 1 << 11
)

// ExportVersion implements the RPC. It has one file in memory at a time.
func (s *Service) ExportVersion(ctx context.Context, req *buildv1.ExportVersionRequest, stream *connect.ServerStream[buildv1.ExportVersionResponse]) error {
	version, err := s.version(ctx, parseID(req.GetVersionId()))
	if err != nil {
		return err
	}
	files, err := s.versionFiles(ctx, version.ID)
	if err != nil {
		return err
	}
	out := &chunkWriter{send: func(chunk []byte) error { return stream.Send(&buildv1.ExportVersionResponse{Chunk: chunk}) }}
	archive := zip.NewWriter(out)
	for _, file := range files {
		if err := s.exportFile(ctx, archive, file); err != nil {
			return fmt.Errorf("export version %s: %w", version.ID, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("finish the archive: %w", err)
	}
	return out.flush()
}

// exportFile adds a file as it is, not compressed: compressed bytes would change
// with the compressor, and the connection compresses if the client wants it.
func (s *Service) exportFile(ctx context.Context, archive *zip.Writer, file *store.VersionFile) error {
	content, err := s.blobs.Get(ctx, preview.Digest(file.Digest))
	if err != nil {
		return blobFault(err)
	}
	header := &zip.FileHeader{
		Name:               file.Path,
		Method:             zip.Store,
		CRC32:              crc32.ChecksumIEEE(content),
		CompressedSize64:   uint64(len(content)),
		UncompressedSize64: uint64(len(content)),
		ModifiedDate:       exportDate, //nolint:staticcheck // what replaces it adds a time zone of its own
	}
	header.SetMode(exportMode)
	if !ascii(file.Path) {
		header.Flags |= utf8Flag
	}
	// The size and the checksum are known, so they stand before the content.
	entry, err := archive.CreateRaw(header)
	if err != nil {
		return fmt.Errorf("begin %s: %w", file.Path, err)
	}
	if _, err := io.Copy(entry, bytes.NewReader(content)); err != nil {
		return fmt.Errorf("write %s: %w", file.Path, err)
	}
	return nil
}

func ascii(s string) bool { return len(s) == utf8.RuneCountInString(s) }

// chunkWriter gathers what is written into chunks and sends each as it is full.
// A send has read the chunk when it returns.
type chunkWriter struct {
	send  func([]byte) error
	chunk []byte
}

// Write implements [io.Writer].
func (w *chunkWriter) Write(data []byte) (int, error) {
	for written := 0; written < len(data); {
		n := min(len(data)-written, exportChunk-len(w.chunk))
		w.chunk = append(w.chunk, data[written:written+n]...)
		written += n
		if len(w.chunk) < exportChunk {
			continue
		}
		if err := w.flush(); err != nil {
			return written, err
		}
	}
	return len(data), nil
}

// flush sends what is left.
func (w *chunkWriter) flush() error {
	if len(w.chunk) == 0 {
		return nil
	}
	err := w.send(w.chunk)
	w.chunk = w.chunk[:0]
	return err
}

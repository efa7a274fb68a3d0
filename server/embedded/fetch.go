package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// mavenCentral is where builds of Postgres are published for embedding.
const mavenCentral = "https://repo1.maven.org/maven2"

// newestMajor is what is fetched for a new data folder.
const newestMajor = 18

var (
	// errNoBuild says that no build of a version is published.
	errNoBuild = errors.New("no build of this version is known")
	// errIncomplete says that initdb or postgres is not among what was fetched.
	errIncomplete = errors.New("download is incomplete")
)

// fetcher downloads Postgres once and keeps it.
type fetcher struct {
	// cache returns the folder that fetched versions are kept in.
	cache func() (string, error)
	// repository is the address of a Maven repository.
	repository string
	logger     *slog.Logger
}

// cacheDir is not below the data folder: as root, Postgres's user must be able
// to walk to it.
func cacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/sheen", nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to keep Postgres in: %w", err)
	}
	return filepath.Join(base, "sheen"), nil
}

// release returns the build to fetch for a major version, 0 for the newest.
func release(major int) (embeddedpostgres.PostgresVersion, error) {
	switch major {
	case 0, newestMajor:
		return embeddedpostgres.V18, nil
	case 17:
		return embeddedpostgres.V17, nil
	case 16:
		return embeddedpostgres.V16, nil
	case 15:
		return embeddedpostgres.V15, nil
	case minMajor:
		return embeddedpostgres.V14, nil
	default:
		return "", errNoBuild
	}
}

// fetch returns the folder of initdb and postgres, downloading them when they
// are not there yet. It returns the cause of ctx as soon as that ends; the
// library cannot be interrupted, so its download then ends unheard.
func (f fetcher) fetch(ctx context.Context, major int) (string, error) {
	version, err := release(major)
	if err != nil {
		return "", err
	}
	cache, err := f.cache()
	if err != nil {
		return "", err
	}
	kept := filepath.Join(cache, "postgres-"+string(version))
	bin := filepath.Join(kept, "bin")
	if complete(bin) {
		return bin, nil
	}
	f.logger.InfoContext(ctx, "fetching postgres", "version", string(version), "into", kept)
	fetched := make(chan error, 1)
	go func() { fetched <- f.download(version, cache, kept) }()
	select {
	case err := <-fetched:
		return bin, err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// download unpacks a version beside the place where it is kept and moves it
// there when it is whole.
func (f fetcher) download(version embeddedpostgres.PostgresVersion, cache, kept string) (err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // public programs
		return err //nolint:wrapcheck // os names the file
	}
	work, err := os.MkdirTemp(cache, "fetch-*")
	if err != nil {
		return err //nolint:wrapcheck // os names the file
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	unpacked := filepath.Join(work, "postgres")
	// The library fetches, unpacks and starts in one call. It refuses to clear a
	// data folder whose name ends in a dot, which is the step after unpacking.
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).
		BinaryRepositoryURL(f.repository).
		CachePath(filepath.Join(work, "archive")).
		RuntimePath(filepath.Join(work, "run")).
		BinariesPath(unpacked).
		DataPath(filepath.Join(work, "data") + "/.").
		Port(0).
		Logger(io.Discard))
	libraryErr := library.Start()
	if libraryErr == nil {
		libraryErr = library.Stop()
	}
	if !complete(filepath.Join(unpacked, "bin")) {
		return errors.Join(errIncomplete, libraryErr)
	}
	if err := openForAll(unpacked); err != nil {
		return err
	}
	if err := os.Rename(unpacked, kept); err != nil && !complete(filepath.Join(kept, "bin")) {
		return err //nolint:wrapcheck // os names both
	}
	return nil
}

// complete tells whether a folder holds both programs.
func complete(bin string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(bin, name)); err != nil || info.Mode()&0o100 == 0 {
			return false
		}
	}
	return true
}

// openForAll gives everybody the owner's rights to read and to run, whatever
// the umask was: Postgres may be another user.
func openForAll(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error { //nolint:wrapcheck // os names the file
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err //nolint:wrapcheck // os names the file
		}
		owner := info.Mode().Perm() & 0o500
		return os.Chmod(path, info.Mode().Perm()|owner>>3|owner>>6) //nolint:gosec // nobody else knows the folder yet
	})
}

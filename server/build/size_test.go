package build

import (
	"testing"

	"github.com/sheenapps/sheen/server/billing"
)

func TestSiteSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		files, bytes int64
		want         billing.Size
	}{
		{1, 100, billing.SizeSmall},
		{4, 64<<10 - 1, billing.SizeSmall},
		{5, 100, billing.SizeMedium},
		{4, 64 << 10, billing.SizeMedium},
		{39, 1<<20 - 1, billing.SizeMedium},
		{40, 100, billing.SizeLarge},
		{1, 1 << 20, billing.SizeLarge},
	} {
		if got := siteSize(test.files, test.bytes); got != test.want {
			t.Errorf("%d files of %d bytes are %s, want %s", test.files, test.bytes, got, test.want)
		}
	}
}

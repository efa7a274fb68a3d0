package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	// storePage is how many events a page of the store has, in Sheen.
	storePage = 500
	// pagesMetric counts the pages that the server read to catch up.
	pagesMetric = `sheen_event_catchup_pages_total{source="postgres"}`
)

// storePages is how many pages of events the server has read from Postgres: as it
// says itself, if it has metrics, else as Postgres counts the statements.
func (s *stage) storePages(ctx context.Context) (int64, error) {
	if s.sheen.metricsURL == "" {
		return s.sheen.backing.pageReads(ctx)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.sheen.metricsURL, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("read the metrics: %w", err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), pagesMetric); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return int64(value), err
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read the metrics: %w", err)
	}
	// A counter that nothing has counted on may not be there yet.
	return 0, nil
}

// pageReads counts the statements that read whole events in order.
func (b *backing) pageReads(ctx context.Context) (calls int64, err error) {
	err = b.DB.QueryRow(ctx, `
		SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
		WHERE query LIKE '%payload%FROM build_events%ORDER BY%'`).Scan(&calls)
	if err != nil {
		return 0, fmt.Errorf("count reads of pages: %w", err)
	}
	return calls, nil
}

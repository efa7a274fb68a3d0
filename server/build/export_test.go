package build

import "context"

// Sweep puts builds whose lease ran out back into the queue.
func (w *Worker) Sweep(ctx context.Context) error { return w.sweep(ctx) }

// Running is how many builds the worker is at.
func (w *Worker) Running() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.running)
}

// Sweep ends lists that are overdue and queues those again whose worker is gone.
func (r *Recommender) Sweep(ctx context.Context) error { return r.sweep(ctx) }

// Package stripe lets users pay with Stripe. It implements [billing.Payments]:
// payment pages are Checkout sessions, charges are payment intents, and events
// are Stripe's webhooks.
//
// # Idempotency
//
// Whatever makes something at Stripe carries the purchase's id as idempotency
// key, so a repeat finds the same session or intent for at least 24 h. The
// confirmation of an intent needs no key of ours: an intent is paid at most once,
// however often and with whatever card it is confirmed.
//
// # What it reads of webhooks
//
//	checkout.session.completed, with its money         paid
//	checkout.session.async_payment_succeeded           paid
//	payment_intent.succeeded                           paid
//	checkout.session.async_payment_failed, .expired    failed
//	payment_intent.payment_failed                      failed
//	charge.refunded                                    refunded, the sum so far
//	charge.dispute.created, .funds_withdrawn, .closed  disputed, or won
//	payment_method.attached                            card changed
//
// Everything else is none of Sheen's business, and so is what does not name a
// purchase: other things may be sold with the same Stripe account. A dispute names
// its payment only. Inquiries, which take no money, and subscriptions and their
// invoices are not handled, nor refunds that fail after they were told.
package stripe

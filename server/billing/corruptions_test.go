package billing_test

// corruption is what goes wrong, and the rules that it breaks.
type corruption struct {
	name, rules string
	statements  []string
}

// corruptions are of an account that has lived.
func corruptions() []corruption {
	all := accountCorruptions()
	all = append(all, journalCorruptions()...)
	all = append(all, grantCorruptions()...)
	return append(all, holdCorruptions()...)
}

func accountCorruptions() []corruption {
	return []corruption{
		{"seconds out of nothing", "totals_match_grants totals_match_journal", []string{
			"update account set free_seconds = free_seconds + 1, granted_seconds = granted_seconds + 1 where id = $a",
		}},
		{"held seconds freed", "totals_match_grants totals_match_journal holds_match_held", []string{
			"update account set free_seconds = free_seconds + 1, held_seconds = held_seconds - 1 where id = $a",
		}},
		{"shortfall", "totals_match_journal", []string{"update account set shortfall_seconds = shortfall_seconds + 1 where id = $a"}},
		{"version ahead", "seq_gapless head_matches_chain", []string{"update account set seq = seq + 1 where id = $a"}},
		{"another head", "head_matches_chain", []string{"update account set chain_head = sha256(chain_head) where id = $a"}},
		{"another last time", "head_matches_chain", []string{"update account set last_time = last_time - interval '1 us' where id = $a"}},
		{"unwelcomed", "gifts_recorded", []string{"update account set welcomed = false where id = $a"}},
		{"a gift for tomorrow", "gifts_recorded", []string{"update account set gift_until = gift_until + interval '1 day' where id = $a"}},
		{"due later", "next_due_matches", []string{"update account set next_due = next_due + interval '1 us' where id = $a"}},
		{"never due", "next_due_matches", []string{"update account set next_due = null where id = $a"}},
		{"usage of seconds", "usage_matches_consumed", []string{"update usage_daily set consumed_seconds = consumed_seconds + 10 where account_id = $a"}},
		{"usage of works", "usage_matches_consumed", []string{"update usage_daily set operations = operations + 1 where account_id = $a"}},
		{"usage of money", "usage_matches_consumed", []string{"update usage_daily set cost_micros = 0 where account_id = $a"}},
		{"usage forgotten", "usage_matches_consumed", []string{"delete from usage_daily where account_id = $a and operation = 'update'"}},
		{"usage of nothing", "usage_matches_consumed", []string{"insert into usage_daily values ($a, '2020-01-01', 'update', 1, 0, 0)"}},
	}
}

func journalCorruptions() []corruption {
	const second = " where account_id = $a and idempotency_key = 'void1'"
	return []corruption{
		{"a row is missing", "seq_gapless", []string{"delete from journal" + second, rechain}},
		{"the last row is missing", "totals_match_journal seq_gapless head_matches_chain grants_match_journal holds_match_lines holds_match_entries", []string{
			"delete from journal where account_id = $a and seq = (select seq from account where id = $a)",
		}},
		{"two operations at once", "times_ascend", []string{
			"update journal set create_time = (select create_time from journal where idempotency_key = 'void0')" + second, rechain,
		}},
		{"time runs backwards", "times_ascend", []string{"update journal set create_time = create_time - interval '1 hour'" + second, rechain}},
		{"another key", "chain_intact", []string{"update journal set idempotency_key = 'x'" + second}},
		{"another request", "chain_intact", []string{"update journal set fingerprint = hash" + second}},
		{"another hash", "chain_intact", []string{"update journal set hash = prev_hash where account_id = $a and seq = 1"}},
		{"the first is not the first", "chain_intact", []string{"update journal set prev_hash = hash where account_id = $a and seq = 1"}},
		{"a row written again", "chain_intact", []string{"update journal set hash = sha256(prev_hash || convert_to(concat_ws('|', account_id, seq, kind," +
			"(extract(epoch from create_time) * 1000000)::bigint, '', '', '', '', 0, 0, 0, 0, lines::text, balance::text, encode(fingerprint, 'hex'), 'x'), 'UTF8')), idempotency_key = 'x'" + second}},
		{"the text of the lines", "chain_intact", []string{"update journal set lines = (lines::text || ' ')::json where account_id = $a and seq = 1"}},
		{"deltas that the lines do not have", "lines_match_deltas", []string{
			"update journal set granted_delta = 1, lapsed_delta = lapsed_delta + 1" + second,
			"update journal set granted_delta = -1, lapsed_delta = lapsed_delta - 1 where account_id = $a and idempotency_key = 'void0'",
		}},
		{"another balance", "balances_add_up", []string{
			`update journal set balance = replace(balance::text, '"spendable":', '"spendable":1')::json` + second, rechain,
		}},
		{"another kind in the balance", "balances_add_up", []string{
			`update journal set balance = replace(balance::text, '"daily":', '"promo":')::json` + second, rechain,
		}},
		{"less than nothing for a while", "never_negative balances_add_up", []string{
			`update journal set free_delta = -510, lapsed_delta = 510, lines = replace(lines::text, '500', '510')::json where account_id = $a and idempotency_key = 'void0'`,
			`update journal set free_delta = 10, lapsed_delta = -10, lines = replace(lines::text, '}', ',"free":10,"lapsed":-10}')::json` + second, rechain,
		}},
		{"a line of no grant", "grants_match_journal", []string{
			`update journal set lines = (select json_build_array(json_build_object('grant', gen_random_uuid(), 'kind', 'promo')))` + second, rechain,
		}},
	}
}

func grantCorruptions() []corruption {
	return []corruption{
		{"free seconds lapse unseen", "totals_match_grants grants_match_journal", []string{
			"update credit_grant set free_seconds = free_seconds - 1, lapsed_seconds = lapsed_seconds + 1 where account_id = $a and kind = 'compensation'",
		}},
		{"another kind", "grants_match_journal", []string{"update credit_grant set kind = 'promo' where account_id = $a and kind = 'compensation'"}},
		{"made later", "grants_made_once", []string{"update credit_grant set create_time = create_time + interval '1 us' where account_id = $a and kind = 'compensation'"}},
		{"a gift that was asked for", "grants_made_once", []string{"update credit_grant set source = 'gift' where account_id = $a and kind = 'compensation'"}},
		{"a grant of nothing", "grants_match_journal grants_made_once", []string{
			`insert into credit_grant (id, account_id, kind, source, seconds, free_seconds, held_seconds, consumed_seconds, lapsed_seconds, create_time)
				select gen_random_uuid(), $a, 'promo', 'admin', 0, 0, 0, 0, 0, now()`,
		}},
		{"a day of two gifts", "gifts_disjoint", []string{
			`update credit_grant set expire_time = expire_time + interval '13 hours'
				where account_id = $a and kind = 'daily' and expire_time < (select gift_until from account where id = $a)`,
		}},
		{"a second welcome", "gifts_disjoint grants_match_journal grants_made_once", []string{
			"update credit_grant set kind = 'welcome', source = 'gift' where account_id = $a and kind = 'compensation'",
		}},
		{"taken back but free", "voided_give_nothing", []string{"update credit_grant set void_time = now() where account_id = $a and kind = 'compensation'"}},
		{"owed and not held", "owed_is_held", []string{
			"update credit_grant set owed_seconds = held_seconds + 1 where account_id = $a and void_time is not null",
		}},
		{"owed beside what is free", "owed_is_held", []string{
			"update credit_grant set owed_seconds = 1 where account_id = $a and held_seconds > 0",
		}},
		{"owed and never taken", "totals_match_grants grants_match_journal owed_is_held", []string{
			"update credit_grant set owed_seconds = 1, consumed_seconds = consumed_seconds + free_seconds, free_seconds = 0 where account_id = $a and held_seconds > 0",
		}},
		{"taken back by nobody", "voided_give_nothing", []string{"update credit_grant set void_time = void_time + interval '1 us' where account_id = $a and void_time is not null"}},
		{"ended and not settled", "ended_are_settled", []string{
			"update credit_grant set expire_time = create_time + interval '1 us' where account_id = $a and kind = 'compensation'",
			"update account set next_due = (select expire_time from credit_grant where account_id = $a and kind = 'compensation') where id = $a",
		}},
		{"more than was paid for", "purchases_match_grants", []string{"update purchase set seconds = seconds - 1 where account_id = $a"}},
		{"ends later than was paid for", "purchases_match_grants", []string{"update purchase set life_seconds = life_seconds - 1 where account_id = $a"}},
		{"paid without a grant", "purchases_match_grants", []string{"update purchase set grant_id = gen_random_uuid() where account_id = $a"}},
		{"given back of a purchase", "", []string{
			"update credit_grant set source = 'payment' where account_id = $a and kind = 'compensation'",
			"update purchase set restored_grant_ids = array(select id from credit_grant where account_id = $a and kind = 'compensation') where account_id = $a",
		}},
		{"granted without payment", "purchases_match_grants", []string{"update credit_grant set source = 'payment' where account_id = $a and kind = 'compensation'"}},
		{"payment forgotten", "purchases_match_grants", []string{"delete from purchase where account_id = $a"}},
	}
}

func holdCorruptions() []corruption {
	return []corruption{
		{"settled by nobody", "holds_match_held holds_match_grants holds_match_lines holds_end_once next_due_matches", []string{
			"update hold set state = 'released', settle_time = create_time where account_id = $a and state = 'open'",
		}},
		{"open again", "holds_match_held holds_match_grants holds_match_lines holds_end_once ended_are_settled next_due_matches", []string{
			"update hold set state = 'open', settle_time = null where account_id = $a and state = 'released'",
		}},
		{"held of another grant", "holds_match_grants holds_match_lines", []string{
			"update hold set grant_ids[1] = (select id from credit_grant where account_id = $a and kind = 'compensation') where account_id = $a and state = 'open'",
		}},
		{"once held of another grant", "holds_match_lines", []string{
			"update hold set grant_ids[1] = (select id from credit_grant where account_id = $a and kind = 'compensation') where account_id = $a and state = 'committed'",
		}},
		{"seconds of no grant", "holds_match_entries", []string{"update hold set seconds = seconds + 1 where account_id = $a and state = 'committed'"}},
		{"of another build", "holds_match_entries", []string{"update hold set build_id = gen_random_uuid() where account_id = $a and build_id is not null"}},
		{"of no build", "holds_match_entries", []string{"update hold set build_id = null where account_id = $a and build_id is not null"}},
		{"made earlier", "holds_match_entries", []string{"update hold set create_time = create_time - interval '1 us' where account_id = $a"}},
		{"another end", "holds_match_entries next_due_matches", []string{"update hold set expire_time = expire_time + interval '1 us' where account_id = $a and state = 'open'"}},
		{"settled at another time", "holds_end_once", []string{"update hold set settle_time = settle_time + interval '1 us' where account_id = $a and state = 'released'"}},
		{"another outcome", "holds_end_once", []string{"update hold set outcome = 'cancelled' where account_id = $a and outcome = 'failed_user'"}},
		{"expired instead of released", "holds_end_once", []string{"update hold set state = 'expired' where account_id = $a and state = 'released'"}},
		{"released in the journal only", "holds_end_once times_ascend", []string{
			"update journal set kind = 'release' where account_id = $a and seq = (select min(seq) from journal where account_id = $a and kind = 'expire')", rechain,
		}},
		{"late without an expiry", "holds_end_once", []string{
			"update journal set kind = 'late_commit' where account_id = $a and outcome = 'failed_platform'", rechain,
		}},
		{"late commit forgotten", "holds_end_once charges_match_journal usage_matches_consumed", []string{
			"update journal set kind = 'lapse' where account_id = $a and kind = 'late_commit'", rechain,
		}},
		{"charged more", "charges_match_journal", []string{"update hold set charged_seconds = charged_seconds + 10 where account_id = $a and outcome = 'succeeded'"}},
		{"charged more than was approved", "charges_are_due", []string{"update hold set max_seconds = 80 where account_id = $a and max_seconds > 0"}},
		{"charged for our failure", "charges_are_due", []string{
			"update hold set outcome = 'failed_provider' where account_id = $a and outcome = 'succeeded'",
			"update journal set outcome = 'failed_provider' where account_id = $a and outcome = 'succeeded'", rechain,
		}},
		{"worked for nothing", "charges_are_due", []string{
			"update hold set outcome = 'cancelled' where account_id = $a and outcome = 'failed_platform'",
			"update journal set outcome = 'cancelled' where account_id = $a and outcome = 'failed_platform'", rechain,
		}},
	}
}

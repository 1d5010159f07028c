//! What every store must do, whatever it is made of.
//!
//! A second database joins by one more line at the end of this file.

mod accounts;
mod bench;
mod control;
mod damage;
mod flow;
mod history;
mod news;
mod registry;
mod sums;

use bench::Bench;

/// Runs every test of the suite on a store.
macro_rules! conformance {
    ($name:ident, $open:expr) => {
        mod $name {
            use super::*;

            conformance!(@tests $open, flow:
                a_batch_is_taken_as_a_whole
                ids_rise_over_organizers_and_are_reserved_for_tests
                a_batch_of_an_older_registry_is_stale
                a_repeated_key_gives_the_first_answer
                a_key_counts_within_a_group_and_per_organizer
                a_conflict_refuses_its_group_and_no_other
                unknown_events_become_known
                settling_twice_changes_nothing
                what_was_begun_anew_is_not_settled_by_what_came_before
                a_settlement_keeps_the_lanes_health
                switching_off_is_noted_once
                pages_come_in_order_and_go_on_after_a_cursor
                a_page_holds_no_more_than_its_bytes
                lanes_with_something_waiting_are_found
            );
            conformance!(@tests $open, control:
                everything_becomes_due_in_bites
                dropping_comes_in_bites_and_ends
                what_is_three_days_old_is_given_up
                the_backlog_is_counted
                one_delivery_is_sent_again
                what_was_not_delivered_is_sent_again
                looking_for_what_was_not_delivered_goes_on_where_it_ended
                a_replay_owes_anew
                pruning_keeps_what_waits_and_what_was_sent_again
                pruning_keeps_what_a_key_stands_for
                ids_never_come_back
            );
            conformance!(@tests $open, history:
                attempts_are_found_by_all_that_is_asked_for
                an_attempt_is_kept_as_it_was
                samples_leave_tests_out
                deliveries_are_listed_by_state
                an_audience_and_data_beside_the_body_come_back
                notifications_are_listed_and_belong_to_one_organizer
            );
            conformance!(@tests $open, sums:
                attempts_are_summed_up_by_the_half_hour
                old_sums_are_removed
                a_page_of_attempts_says_how_far_it_looked
                the_last_attempt_of_each_is_no_test
                the_worst_lanes_come_first
            );
            conformance!(@tests $open, news:
                changes_of_webhooks_are_owed_where_creads_is_spoken
            );
            conformance!(@tests $open, registry:
                each_change_makes_a_version_and_loads_what_changed
                a_change_loads_one_row_however_large_the_organizer
                a_removed_event_loads_the_webhooks_that_listed_it
                a_name_may_be_registered_again_between_two_loads
                an_organizer_is_kept_as_it_was_given
                slugs_and_uuids_are_taken_once
                events_come_in_their_order_and_leave_their_webhooks
                a_webhook_is_kept_as_it_was_given
                a_change_may_be_refused
                another_target_or_switching_on_begins_anew
                what_was_sent_under_a_former_generation_counts_for_nothing
                action_types_belong_to_one_or_to_all
                tokens_are_kept_by_their_hash
                the_audit_log_is_paged_newest_first
                an_answer_is_kept_for_a_day
            );
            conformance!(@tests $open, accounts:
                users_are_taken_once
                a_user_is_kept_as_it_was_given
                a_users_address_and_access_change
                another_address_ends_the_links_to_the_old_one
                a_password_ends_sessions_links_and_letters
                a_removed_user_leaves_nothing_and_is_nobody_else
                what_is_done_to_users_is_audited_where_it_concerns
                a_session_lasts_until_it_expires_or_ends
                a_link_lasts_as_long_as_its_purpose_says
                a_letter_is_owed_until_it_has_ended
                a_mailbox_is_not_filled
                what_has_expired_is_pruned
            );
        }
    };
    (@tests $open:expr, $module:ident: $($test:ident)+) => {
        $(
            #[test]
            fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let store = $open(directory.path());
                super::$module::$test(&Bench::new(&store));
            }
        )+
    };
}

conformance!(sqlite, |path: &std::path::Path| {
    sonnette::store::sqlite::SqliteStore::open(path).unwrap()
});

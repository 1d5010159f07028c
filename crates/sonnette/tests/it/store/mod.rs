//! The conformance suite of stores: every verb, on every database.
//!
//! Another database is added by one more line at the end of this file.

mod account_store;
mod attempt_stats;
mod audit_in_transaction;
mod damaged_rows;
mod delivery_admin;
mod delivery_store;
mod fixture;
mod history;
mod log_segments;
mod pending_webhook_changes;
mod registry_store;
mod webhook_store;

use fixture::Fixture;

/// Declares every test of the suite for a store.
macro_rules! conformance {
    ($name:ident, $open:expr) => {
        mod $name {
            use super::*;

            conformance!(@tests $open, delivery_store:
                a_batch_is_stored_as_a_whole
                ids_rise_across_organizers_and_are_reserved_for_tests
                a_batch_of_an_older_registry_is_stale
                a_repeated_key_gives_the_first_result
                a_key_is_unique_within_a_group_and_per_organizer
                a_key_conflict_refuses_only_its_group
                unknown_events_are_registered
                settling_twice_changes_nothing
                a_resent_delivery_is_not_settled_by_an_earlier_attempt
                a_settlement_stores_the_health_of_its_lane
                disabling_is_audited_once
                pages_are_ordered_and_continue_after_a_cursor
                a_page_is_bounded_in_bytes
                lanes_with_pending_deliveries_are_listed
            );
            conformance!(@tests $open, delivery_admin:
                pending_deliveries_become_due_in_batches
                pending_deliveries_are_dropped_in_batches
                deliveries_expire_after_three_days
                the_backlog_is_counted
                a_single_delivery_is_resent
                undelivered_notifications_are_resent
                resending_continues_where_the_last_batch_ended
                a_replay_starts_a_new_schedule
                pruning_keeps_pending_and_resent_deliveries
                pruning_keeps_notifications_of_live_idempotency_keys
                ids_are_never_reused
            );
            conformance!(@tests $open, history:
                attempts_are_filtered_by_each_field
                an_attempt_is_read_as_it_was_written
                timings_exclude_tests
                deliveries_are_listed_by_state
                an_audience_and_separate_data_are_read_as_written
                notifications_are_listed_and_belong_to_one_organizer
            );
            conformance!(@tests $open, attempt_stats:
                attempts_are_counted_per_half_hour
                old_statistics_are_pruned
                a_page_of_attempts_returns_how_far_it_scanned
                the_latest_attempts_exclude_tests
                unhealthy_webhooks_are_ordered_by_severity
            );
            conformance!(@tests $open, pending_webhook_changes:
                webhook_changes_are_pending_only_with_the_dialect_creads
            );
            conformance!(@tests $open, registry_store:
                each_change_makes_a_version_and_loads_what_changed
                a_change_loads_one_row_however_large_the_organizer
                a_removed_event_loads_the_webhooks_that_listed_it
                a_name_may_be_registered_again_between_two_loads
                an_organizer_is_read_as_it_was_written
                slugs_and_uuids_are_unique
                events_are_ordered_and_removed_from_webhooks
                action_types_belong_to_one_or_all_organizers
                tokens_are_stored_by_their_hash
                the_audit_log_is_paged_newest_first
                a_response_is_stored_for_a_day
            );
            conformance!(@tests $open, webhook_store:
                a_webhook_is_read_as_it_was_written
                a_change_may_be_refused
                a_new_target_or_reenabling_resets_the_health
                an_outcome_of_a_former_generation_changes_no_health_and_disables_nothing
            );
            conformance!(@tests $open, account_store:
                email_addresses_of_users_are_unique
                a_user_is_read_as_it_was_written
                the_address_and_access_of_a_user_change
                a_new_address_ends_the_links_to_the_old_one
                a_password_ends_sessions_links_and_emails
                a_removed_user_leaves_nothing_and_its_id_is_not_reused
                changes_of_users_are_audited_per_organizer
                a_session_lasts_until_it_expires_or_ends
                a_link_lasts_as_long_as_its_purpose_says
                an_account_email_is_due_until_it_is_settled
                account_emails_are_rate_limited
                expired_rows_are_pruned
            );
        }
    };
    (@tests $open:expr, $module:ident: $($test:ident)+) => {
        $(
            #[test]
            fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let store = $open(directory.path());
                super::$module::$test(&Fixture::new(&store));
            }
        )+
    };
}

conformance!(sqlite, |path: &std::path::Path| {
    sonnette::store::sqlite::SqliteStore::open(path).unwrap()
});

use proptest::prelude::*;

use super::*;

fn any_permissions() -> impl Strategy<Value = Vec<Permission>> {
    proptest::collection::vec(proptest::sample::select(Permission::ALL), 0..5)
}

proptest! {
    #[test]
    fn a_set_contains_each_permission_once(list in any_permissions()) {
        let set: Permissions = list.iter().copied().collect();
        for permission in Permission::ALL {
            prop_assert_eq!(set.contains(*permission), list.contains(permission));
        }
        let again: Permissions = set.iter().collect();
        prop_assert_eq!(again, set);
        prop_assert!(set.iter().collect::<Vec<_>>().windows(2).all(|two| two[0] < two[1]));
    }

    #[test]
    fn a_set_covers_its_subsets(one in any_permissions(), other in any_permissions()) {
        let (a, b): (Permissions, Permissions) = (one.iter().copied().collect(), other.iter().copied().collect());
        prop_assert_eq!(a.is_superset(b), other.iter().all(|p| one.contains(p)));
    }

    #[test]
    fn a_token_opens_only_its_own_organizer(list in any_permissions(), own in 1_i64..4, asked in 1_i64..4) {
        let set = list.iter().copied().collect();
        let scope = Scope::Organizer(OrganizerId(own), set);
        prop_assert_eq!(scope.can_view(OrganizerId(asked)), own == asked);
        for permission in Permission::ALL {
            let allowed = own == asked && list.contains(permission);
            prop_assert_eq!(scope.allows(OrganizerId(asked), *permission), allowed);
            prop_assert!(Scope::Operator.allows(OrganizerId(asked), *permission));
        }
        prop_assert!(Scope::Operator.can_view(OrganizerId(asked)));
    }
}

#[test]
fn a_new_token_may_change_webhooks_and_publish() {
    let held: Vec<_> = Permissions::DEFAULT.iter().collect();
    assert_eq!(held, [Permission::Webhooks, Permission::Publish]);
}

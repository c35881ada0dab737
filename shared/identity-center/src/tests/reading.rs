//! Lists to their last page, and single things that may not exist.

use engine::ports::ReadTarget;
use serde_json::json;
use sync_core::error::TargetErrorKind;
use sync_core::ids::Revision;

use super::directory::{Directory, missing, serve};
use super::fake::{Fake, Reply};
use super::{group, user};

#[tokio::test]
async fn s34_lists_around_the_page_size_are_complete() {
    for size in [0, 1, 99, 100, 101, 199, 200, 201] {
        let (fake, _) = serve(Directory::of(size, size.max(1), size)).await;
        let target = fake.target().await;
        let users = target.list_users().await.unwrap();
        assert_eq!((users.items.len(), users.bad.len()), (size, 0));
        assert_eq!(target.list_groups().await.unwrap().items.len(), size.max(1));
        let members = target.memberships_of_group(&group("g0")).await.unwrap().unwrap();
        assert_eq!(members.len(), size);
        let pages = size.div_ceil(100).max(1);
        assert_eq!(target.calls().identity_store, 3 * pages as u64, "{size}");
    }
}

#[tokio::test]
async fn s34_a_page_size_of_one_and_an_empty_first_page_are_followed_to_the_end() {
    let directory = Directory { page_size: 1, empty_page_first: true, ..Directory::of(7, 5, 3) };
    let (fake, _) = serve(directory).await;
    let target = fake.target().await;
    assert_eq!(target.list_users().await.unwrap().items.len(), 7);
    assert_eq!(target.list_groups().await.unwrap().items.len(), 5);
    assert_eq!(target.memberships_of_group(&group("g0")).await.unwrap().unwrap().len(), 3);
    assert_eq!(target.memberships_of_user(&user("u2")).await.unwrap().unwrap().len(), 1);
    assert_eq!(target.calls().identity_store, 8 + 6 + 4 + 2);
}

#[tokio::test]
async fn s34_an_empty_token_is_the_end_and_a_repeated_one_is_malformed() {
    let fake = Fake::replies([Reply::Ok(json!({"Groups": [], "NextToken": ""}))]).await;
    assert_eq!(fake.target().await.list_groups().await.unwrap().items, []);

    let page = |token: &str| Reply::Ok(json!({"Groups": [{"GroupId": "g1"}], "NextToken": token}));
    let fake = Fake::replies([page("a"), page("b"), page("a")]).await;
    let error = fake.target().await.list_groups().await.unwrap_err();
    assert_eq!((error.kind, fake.requests().len()), (TargetErrorKind::Malformed, 3));
}

#[tokio::test]
async fn s34_a_page_that_fails_fails_the_list() {
    let pages = [
        Reply::Ok(json!({"Users": [{"UserId": "u1", "UserName": "a"}], "NextToken": "2"})),
        Reply::Error(400, "ValidationException", json!({})),
    ];
    let error = Fake::replies(pages).await.target().await.list_users().await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Invalid);
}

#[tokio::test]
async fn an_answer_without_its_list_is_malformed_and_not_empty() {
    for body in ["{}", "", "{\"NextToken\":null}"] {
        let fake = Fake::replies([Reply::Raw(200, "application/x-amz-json-1.1", body.to_owned())]).await;
        let target = fake.target().await;
        let (users, groups) = tokio::join!(target.list_users(), target.list_groups());
        let (group, user) = (group("g"), user("u"));
        let (of_group, of_user) = tokio::join!(target.memberships_of_group(&group), target.memberships_of_user(&user));
        let kinds = [users.unwrap_err().kind, groups.unwrap_err().kind, of_group.unwrap_err().kind, of_user.unwrap_err().kind];
        assert_eq!(kinds, [TargetErrorKind::Malformed; 4], "{body:?}");
    }
}

#[tokio::test]
async fn records_carry_external_ids_and_a_revision_only_where_there_is_one() {
    let groups = json!({"Groups": [
        {"GroupId": "arn:aws:identitystore:::group/g-1", "DisplayName": "A", "Description": "text [okta:h/00g1]", "Revision": "r7",
         "ExternalIds": [{"Issuer": "https://scim.aws.com/x", "Id": "00g1"}, {"Issuer": "other", "Id": "x"}]},
        {"GroupId": "g-2"},
        {"GroupId": "not an id", "DisplayName": "B"},
        {"DisplayName": "C"}
    ]});
    let listing = Fake::replies([Reply::Ok(groups)]).await.target().await.list_groups().await.unwrap();
    let [first, second] = listing.items.as_slice() else { panic!("{listing:?}") };
    assert_eq!((first.id.as_str(), &first.external_ids), ("g-1", &vec!["00g1".to_owned(), "x".to_owned()]));
    assert_eq!((&first.revision, first.description.as_str()), (&Revision::new("r7"), "text [okta:h/00g1]"));
    assert_eq!((&second.revision, second.description.as_str(), second.display_name.as_str()), (&None, "", ""));
    let bad: Vec<_> = listing.bad.iter().map(|bad| bad.id.as_deref()).collect();
    assert_eq!(bad, [Some("not an id"), None]);
}

#[tokio::test]
async fn a_user_is_looked_up_by_name_in_one_call_and_others_are_left_out() {
    let users = json!({"Users": [{"UserId": "u1", "UserName": "Ada@example.com"}, {"UserId": "u2", "UserName": "bob@example.com"}]});
    let fake = Fake::replies([Reply::Ok(users)]).await;
    let found = fake.target().await.users_named("ada@example.com").await.unwrap();
    assert_eq!(found.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["u1"]);
    let requests = fake.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].body["Filters"], json!([{"AttributePath": "UserName", "AttributeValue": "ada@example.com"}]));
}

#[tokio::test]
async fn s35_what_does_not_exist_is_none() {
    let fake = Fake::replies([missing("GROUP")]).await;
    let target = fake.target().await;
    assert_eq!(target.group(&group("g")).await.unwrap(), None);
    assert_eq!(target.memberships_of_group(&group("g")).await.unwrap(), None);
    let fake = Fake::replies([missing("USER")]).await;
    let target = fake.target().await;
    assert_eq!(target.user(&user("u")).await.unwrap(), None);
    assert_eq!(target.memberships_of_user(&user("u")).await.unwrap(), None);
    assert_eq!(target.calls().identity_store, 2);
}

#[tokio::test]
async fn a_missing_store_or_key_says_nothing_about_the_group() {
    let key = Reply::Error(400, "ResourceNotFoundException", json!({"Reason": "KMS_KEY_NOT_FOUND"}));
    for reply in [missing("IDENTITY_STORE"), missing("USER"), key] {
        let fake = Fake::replies([reply]).await;
        let target = fake.target().await;
        assert_eq!(target.group(&group("g")).await.unwrap_err().kind, TargetErrorKind::NotFound);
        assert_eq!(target.memberships_of_group(&group("g")).await.unwrap_err().kind, TargetErrorKind::NotFound);
    }
}

#[tokio::test]
async fn a_described_thing_is_the_one_that_was_asked_for() {
    let fake = Fake::replies([Reply::Ok(json!({"GroupId": "g1", "DisplayName": "A", "UserId": "u1", "UserName": "a"}))]).await;
    let target = fake.target().await;
    assert_eq!(target.group(&group("g1")).await.unwrap().unwrap().display_name, "A");
    assert_eq!(target.user(&user("u1")).await.unwrap().unwrap().user_name, "a");
    assert_eq!(target.group(&group("g2")).await.unwrap_err().kind, TargetErrorKind::Malformed);
    assert_eq!(target.user(&user("u2")).await.unwrap_err().kind, TargetErrorKind::Malformed);
}

#[tokio::test]
async fn a_membership_need_not_repeat_what_was_asked_about() {
    let rows = json!({"GroupMemberships": [{"MembershipId": "m1", "MemberId": {"UserId": "u1"}}]});
    let members = Fake::replies([Reply::Ok(rows)]).await.target().await.memberships_of_group(&group("g1")).await.unwrap().unwrap();
    assert_eq!((&members[0].group, &members[0].user), (&group("g1"), &user("u1")));
    let rows = json!({"GroupMemberships": [{"MembershipId": "m1", "GroupId": "g1"}]});
    let groups = Fake::replies([Reply::Ok(rows)]).await.target().await.memberships_of_user(&user("u1")).await.unwrap().unwrap();
    assert_eq!((&groups[0].group, &groups[0].user), (&group("g1"), &user("u1")));
}

#[tokio::test]
async fn a_membership_of_no_user_is_passed_over_and_one_that_cannot_be_named_is_malformed() {
    let good = json!({"MembershipId": "m1", "GroupId": "g1", "MemberId": {"UserId": "u1"}});
    let of_a_device = json!({"MembershipId": "m2", "GroupId": "g1", "MemberId": {"DeviceId": "d1"}});
    let of_nothing = json!({"MembershipId": "m3", "GroupId": "g1"});
    let fake = Fake::replies([Reply::Ok(json!({"GroupMemberships": [good, of_a_device, of_nothing]}))]).await;
    let members = fake.target().await.memberships_of_group(&group("g1")).await.unwrap().unwrap();
    assert_eq!(members.iter().map(|member| member.id.as_str()).collect::<Vec<_>>(), ["m1"]);

    let nameless = json!({"GroupId": "g1", "MemberId": {"UserId": "u1"}});
    let of_another_group = json!({"MembershipId": "m1", "GroupId": "g2", "MemberId": {"UserId": "u1"}});
    for bad in [nameless, of_another_group] {
        let fake = Fake::replies([Reply::Ok(json!({"GroupMemberships": [good, bad]}))]).await;
        let error = fake.target().await.memberships_of_group(&group("g1")).await.unwrap_err();
        assert_eq!(error.kind, TargetErrorKind::Malformed);
    }
}

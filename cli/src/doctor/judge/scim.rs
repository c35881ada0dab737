//! The SCIM token, where the policy writes over SCIM.

use sync_core::policy::{Policy, Transport};

use super::count;
use crate::doctor::facts::{Facts, Read, ScimTrouble};
use crate::doctor::verdict::Judgement;

/// A token that ends within so many days should be rotated by now: two can be valid at one time, so nothing stops meanwhile.
const TOKEN_DAYS: i64 = 30;

const ROTATE: &str = "IAM Identity Center console > Settings > Automatic provisioning > Access tokens > Generate token; put it into the secret \
     with the endpoint shown there and its end (\"expires\"), then delete the old one";

const NAME_THE_SECRET: &str = "IAM Identity Center console > Settings > Automatic provisioning > Enable, put endpoint and token into a secret, and name it \
     by --scim-secret (LOCKSTEP_SCIM_SECRET)";

const CORRECT: &str = "Put the SCIM endpoint shown there (https://scim.<region>.amazonaws.com/<tenant>/scim/v2) into the secret's \"endpoint\": IAM \
     Identity Center console, in the region of the instance > Settings > Automatic provisioning. The token may stay";

const ALLOW: &str = "Automatic provisioning must be on (IAM Identity Center console > Settings), and the network rules of the identity store \
     (ScimAllowSourceIps) must let the functions' and your addresses in";

const REACH: &str = "Compare the host in the secret's endpoint with the SCIM endpoint under IAM Identity Center console > Settings > Automatic \
     provisioning; where it is the same, look at DNS and the way out of this network (a proxy, a firewall), and try again";

const MAKE_THE_SECRET: &str = "Let the secret hold {\"endpoint\":\"https://scim.<region>.amazonaws.com/<tenant>/scim/v2\",\"token\":\"…\",\
     \"expires\":\"YYYY-MM-DD\"} (aws secretsmanager put-secret-value), and your credentials read it (secretsmanager:GetSecretValue)";

/// What mends it.
fn mend(trouble: ScimTrouble) -> &'static str {
    match trouble {
        ScimTrouble::Secret => MAKE_THE_SECRET,
        ScimTrouble::Token => ROTATE,
        ScimTrouble::Address => CORRECT,
        ScimTrouble::NotAllowed => ALLOW,
        ScimTrouble::NoAnswer => REACH,
    }
}

/// Whether runs write over SCIM.
fn is_needed(policy: &Policy) -> bool {
    policy.transport == Transport::Scim || policy.users.managed.as_ref().is_some_and(|managed| managed.over_scim)
}

/// The endpoint takes it, and it lasts for a while.
pub(crate) fn token(facts: &Facts) -> Read<Judgement> {
    let scim = match &facts.aws.scim {
        Ok(scim) => scim,
        Err(why) if is_needed(facts.policy()?) => return Ok(Judgement::fail(why.to_string(), NAME_THE_SECRET)),
        Err(why) => return Err(why.clone()),
    };
    if let Err((trouble, why)) = &scim.answer {
        return Ok(Judgement::fail(why.to_string(), mend(*trouble)));
    }
    let Some(expires) = scim.expires else {
        let seen = "the endpoint takes the token; the secret does not say when it ends";
        return Ok(Judgement::warn(seen, "Add \"expires\":\"YYYY-MM-DD\" to the SCIM secret: the console shows the date, and no API does"));
    };
    let days = (expires.as_second() - facts.now.as_second()).div_euclid(86_400);
    let day = expires.strftime("%Y-%m-%d");
    Ok(if days < 0 {
        Judgement::fail(format!("by the secret the token ended on {day}"), ROTATE)
    } else if days < TOKEN_DAYS {
        Judgement::warn(format!("the token ends on {day}, in {}", count(usize::try_from(days).unwrap_or_default(), "day")), ROTATE)
    } else {
        Judgement::pass(format!("the endpoint takes the token, which ends on {day}, in {days} days"))
    })
}

//! Who may do what, told apart by the alias that an invocation came through: IAM knows functions and aliases, and no payloads.

use crate::payload::Payload;

/// The duties of the function's aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duties {
    /// The alias for approvals, where there is one.
    pub approve_alias: Option<String>,
}

/// An invocation that came the wrong way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrongWay {
    /// An approval that did not come through the alias.
    #[error("nothing was read or written: approvals are taken through the alias {alias} alone; invoke <function>:{alias}")]
    ApprovalOutside {
        /// The alias.
        alias: String,
    },
    /// Something else that did.
    #[error("nothing was read or written: the alias {alias} takes approvals and nothing else; invoke the function without it")]
    NoApproval {
        /// The alias.
        alias: String,
    },
}

impl Duties {
    /// Whether an invocation of `function_arn` may carry this payload. Without an alias for approvals everything may.
    ///
    /// # Errors
    /// [`WrongWay`] says which way is right.
    pub fn check(&self, payload: &Payload, function_arn: &str) -> Result<(), WrongWay> {
        let Some(alias) = &self.approve_alias else { return Ok(()) };
        let is_approval = matches!(payload, Payload::Run { approve: Some(_), .. });
        let is_through_alias = qualifier(function_arn) == Some(alias);
        match (is_approval, is_through_alias) {
            (true, false) => Err(WrongWay::ApprovalOutside { alias: alias.clone() }),
            (false, true) => Err(WrongWay::NoApproval { alias: alias.clone() }),
            (true, true) | (false, false) => Ok(()),
        }
    }
}

/// The alias or version of `arn:aws:lambda:<region>:<account>:function:<name>:<qualifier>`; none where the function itself was invoked.
fn qualifier(function_arn: &str) -> Option<&str> {
    function_arn.split(':').nth(7)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::payload;

    const ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:lockstep-reconcile";

    fn approval() -> Payload {
        payload::parse(&json!({"mode":"apply","scope":"all","approve":"ab".repeat(32)})).unwrap()
    }

    #[test]
    fn an_approval_is_taken_through_its_alias_alone() {
        let duties = Duties { approve_alias: Some("approve".to_owned()) };
        assert_eq!(duties.check(&approval(), &format!("{ARN}:approve")), Ok(()));
        for other in ["", ":$LATEST", ":7", ":approved"] {
            let refused = duties.check(&approval(), &format!("{ARN}{other}")).unwrap_err();
            assert!(refused.to_string().contains("invoke <function>:approve"), "{other}: {refused}");
        }
    }

    #[test]
    fn the_alias_takes_nothing_else() {
        let duties = Duties { approve_alias: Some("approve".to_owned()) };
        for other in [json!({}), json!({"mode":"apply"}), json!({"pause":true}), json!({"mode":"apply","undo":"r-1"})] {
            let payload = payload::parse(&other).unwrap();
            assert_eq!(duties.check(&payload, ARN), Ok(()), "{other}");
            assert!(matches!(duties.check(&payload, &format!("{ARN}:approve")), Err(WrongWay::NoApproval { .. })), "{other}");
        }
    }

    #[test]
    fn without_an_alias_for_them_approvals_are_taken_any_way() {
        let duties = Duties { approve_alias: None };
        for arn in [ARN.to_owned(), format!("{ARN}:approve"), String::new()] {
            assert_eq!(duties.check(&approval(), &arn), Ok(()), "{arn}");
        }
    }
}

//! Ids that look like real ones, the same in every run: a counter, scrambled.

use sync_core::ids::{GroupId, MembershipId, OktaGroupId, OktaUserId, UserId};

/// The first ten digits of the ids in an identity store, which are the store's own.
pub(crate) const STORE_DIGITS: &str = "906756e3ab";

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Characters of a UUID.
const UUID_CHARS: usize = 36;

/// Makes ids.
#[derive(Debug, Clone)]
pub(crate) struct IdMaker {
    seed: u64,
    count: u64,
}

impl IdMaker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        scramble(self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.count)
    }

    /// An Okta id: the prefix, letters and digits up to 20 characters, the last three naming the cell, as real ones do.
    pub(crate) fn okta(&mut self, prefix: &str) -> String {
        let (mut high, mut low) = (self.next(), 0);
        let body: String = (0..14)
            .map(|place| {
                if place == 7 {
                    low = scramble(high);
                    high = low;
                }
                let digit = char::from(BASE62.get((high % 62) as usize).copied().unwrap_or(b'0'));
                high /= 62;
                digit
            })
            .collect();
        format!("{prefix}{body}5d7")
    }

    pub(crate) fn okta_group(&mut self) -> OktaGroupId {
        OktaGroupId::new(&self.okta("00g")).expect("letters and digits are an Okta id")
    }

    pub(crate) fn okta_user(&mut self) -> OktaUserId {
        OktaUserId::new(&self.okta("00u")).expect("letters and digits are an Okta id")
    }

    /// A UUID of version 4 in its looks.
    pub(crate) fn uuid(&mut self) -> String {
        let mut text = String::with_capacity(UUID_CHARS);
        self.push_uuid(&mut text);
        text
    }

    fn push_uuid(&mut self, text: &mut String) {
        let high = self.next();
        let low = scramble(high);
        push_hex(text, high >> 32, 8);
        text.push('-');
        push_hex(text, high >> 16, 4);
        text.push_str("-4");
        push_hex(text, high, 3);
        text.push('-');
        push_hex(text, 8 + (low >> 62), 1);
        push_hex(text, low >> 48, 3);
        text.push('-');
        push_hex(text, low, 12);
    }

    /// So many hexadecimal digits, 16 at most.
    pub(crate) fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(16);
        push_hex(&mut text, self.next(), 16);
        text.truncate(digits);
        text
    }

    fn store(&mut self) -> String {
        let mut text = String::with_capacity(STORE_DIGITS.len() + 1 + UUID_CHARS);
        text.push_str(STORE_DIGITS);
        text.push('-');
        self.push_uuid(&mut text);
        text
    }

    pub(crate) fn user(&mut self) -> UserId {
        UserId::new(&self.store()).expect("hexadecimal digits are a UserId")
    }

    pub(crate) fn group(&mut self) -> GroupId {
        GroupId::new(&self.store()).expect("hexadecimal digits are a GroupId")
    }

    pub(crate) fn membership(&mut self) -> MembershipId {
        MembershipId::new(&self.store()).expect("hexadecimal digits are a MembershipId")
    }
}

/// The last so many hexadecimal digits of a number. Worlds are made of ids, and a formatter would take ten times as long.
pub(crate) fn push_hex(text: &mut String, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (number >> (4 * place)) & 0xf;
        text.push(char::from(HEX.get(digit as usize).copied().unwrap_or(b'0')));
    }
}

/// splitmix64's mixing step: neighbours become strangers.
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_real_and_are_the_same_in_every_run() {
        let (mut one, mut other) = (IdMaker::new(1), IdMaker::new(1));
        let group = one.okta_group();
        assert_eq!(group, other.okta_group());
        assert_eq!(group.as_str().len(), 20);
        assert!(group.as_str().starts_with("00g") && group.as_str().chars().all(|c| c.is_ascii_alphanumeric()));
        let user = one.user();
        assert_eq!(user.as_str().len(), 47, "sso-admin takes at most 47 characters: {user}");
        assert_ne!(IdMaker::new(2).okta_group(), group);
        let (uuid, hex) = (one.uuid(), one.hex(8));
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((parts.as_slice(), uuid.as_bytes()[14], hex.len()), ([8, 4, 4, 4, 12].as_slice(), b'4', 8), "{uuid} {hex}");
    }
}

//! Worlds from a file, for the programs.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::http::changes;
use crate::time::Time;
use crate::world::{Shape, World};

/// A world as a file describes it: a shape, and then changes on either side, in the form of `POST /_sim/changes`.
///
/// Both programs read the same file, and so have the same ids.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    world: Option<Shape>,
    okta: Vec<Value>,
    aws: Vec<Value>,
}

/// A seed that no world can be made of.
#[derive(Debug)]
pub struct SeedError(String);

impl std::fmt::Display for SeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SeedError {}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// If it is not of this form.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        serde_json::from_str(text).map_err(|error| SeedError(format!("the seed is not of the right form: {error}")))
    }

    /// Reads a seed file.
    ///
    /// # Errors
    /// If it cannot be read or is not of this form.
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let text = std::fs::read_to_string(path).map_err(|error| SeedError(format!("{}: {error}", path.display())))?;
        Self::parse(&text)
    }

    /// Makes the world, on the machine's clock. Without a shape it is empty.
    ///
    /// # Errors
    /// If a change is none.
    pub fn build(&self) -> Result<World, SeedError> {
        let empty = Shape { users: 0, groups: 0, members: 0, ..Shape::default() };
        let world = World::of(self.world.as_ref().unwrap_or(&empty), Time::Real);
        changes(&world.okta, &Value::Array(self.okta.clone())).map_err(SeedError)?;
        changes(&world.aws, &Value::Array(self.aws.clone())).map_err(SeedError)?;
        world.okta.settle();
        world.aws.settle();
        Ok(world)
    }
}

//! Enough of YAML to read our own templates, and where files are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use runtime::config::Function;

/// The repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file of the folder `infra`.
pub(crate) fn infra(name: &str) -> String {
    std::fs::read_to_string(root().join("infra").join(name)).unwrap()
}

/// The texts of our own sources of these folders, without tests, by path.
pub(crate) fn sources(folders: impl IntoIterator<Item = PathBuf>) -> Vec<(PathBuf, String)> {
    let mut open: Vec<PathBuf> = folders.into_iter().collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split_once("#[cfg(test)]\nmod tests {").map_or(text.clone(), |(code, _)| code.to_owned());
            found.push((path, code));
        }
    }
    found
}

pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A block of YAML, as its lines. Enough of YAML for a template that we write ourselves, and no tag such as `!Ref` disturbs it.
#[derive(Debug, Clone)]
pub(crate) struct Block(pub(crate) Vec<String>);

impl Block {
    pub(crate) fn template() -> Self {
        Self::of("template.yaml")
    }

    /// A template of the folder `infra`.
    pub(crate) fn of(name: &str) -> Self {
        let text = infra(name);
        let is_content = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
        Self(text.lines().filter(is_content).map(str::to_owned).collect())
    }

    fn at(&self, key: &str) -> Option<(usize, &str)> {
        let outermost = self.0.iter().map(|line| indent(line)).min()?;
        let value_of = |line: &str| line.trim_start().strip_prefix(key)?.strip_prefix(':').map(str::len);
        self.0.iter().enumerate().filter(|(_, line)| indent(line) == outermost).find_map(|(at, line)| {
            let n_value = value_of(line)?;
            Some((at, line.split_at(line.len() - n_value).1.trim()))
        })
    }

    /// What stands below `key`; nothing where there is no such key.
    pub(crate) fn below(&self, key: &str) -> Self {
        let Some((at, _)) = self.at(key) else { return Self(Vec::new()) };
        let mut lines = self.0.iter().skip(at);
        let depth = indent(lines.next().unwrap());
        Self(lines.take_while(|line| indent(line) > depth).cloned().collect())
    }

    /// The value behind `key`.
    pub(crate) fn value(&self, path: &[&str]) -> String {
        let (key, folders) = path.split_last().unwrap();
        let block = folders.iter().fold(Self(self.0.clone()), |block, folder| block.below(folder));
        block.at(key).unwrap_or_else(|| panic!("no {path:?}")).1.to_owned()
    }

    pub(crate) fn number(&self, path: &[&str]) -> u32 {
        let value = self.value(path);
        value.parse().unwrap_or_else(|_| panic!("{path:?} is {value}"))
    }

    pub(crate) fn keys(&self) -> BTreeSet<String> {
        let outermost = self.0.iter().map(|line| indent(line)).min().unwrap_or_default();
        let key = |line: &String| line.split(':').next().map(|key| key.trim().to_owned());
        self.0.iter().filter(|line| indent(line) == outermost).filter_map(key).collect()
    }
}

pub(crate) fn logical_id(function: Function) -> &'static str {
    match function {
        Function::EventHook => "EventHook",
        Function::EventWorker => "EventWorker",
        Function::Reconcile => "Reconcile",
    }
}

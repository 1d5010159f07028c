//! Which file of a crate uses what another file defines.
//!
//! A re-export is followed to the file that defines the item, so that a `mod.rs` that only collects names has no edges.
//! A file may use what the module around it defines: the nesting says which of the two is the outer one. Tests are left
//! out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, UseTree};

/// A path of names from the crate's root.
type Names = Vec<String>;

/// For each file the files that it uses, with one name as an example.
pub(super) type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// How deep re-exports of re-exports are followed.
const MAX_REEXPORTS: usize = 16;

#[derive(Default)]
struct Module {
    file: PathBuf,
    /// Items that are defined here, but modules.
    items: BTreeSet<String>,
    /// What a `use` brings into scope: a name and the path behind it.
    imports: Vec<(String, Names)>,
    /// Paths that a `use` ends with `*`.
    globs: Vec<Names>,
    /// Every path that the code names.
    paths: BTreeSet<Names>,
}

/// All modules of a crate by their path.
#[derive(Default)]
struct Modules(BTreeMap<Names, Module>);

/// The graph of a crate, from its `lib.rs` or `main.rs`.
pub(super) fn build(root: &Path) -> Graph {
    let mut modules = Modules::default();
    modules.load(Vec::new(), root, root.parent().unwrap());
    let mut graph = Graph::new();
    for (path, module) in &modules.0 {
        let uses = graph.entry(module.file.clone()).or_default();
        let imported = module.imports.iter().map(|(name, _)| vec![name.clone()]);
        let reexported = modules.reexports(path);
        for names in module.paths.iter().cloned().chain(imported) {
            if reexported.contains(&names) && !module.paths.contains(&names) {
                continue;
            }
            for file in modules.definers(path, &names, 0) {
                if file != module.file && !modules.contain(path, &file) {
                    uses.entry(file).or_insert_with(|| names.join("::"));
                }
            }
        }
    }
    graph
}

/// Groups of files that use each other, directly or through others of the group; each group is sorted.
pub(super) fn circles(graph: &Graph) -> Vec<Vec<PathBuf>> {
    let reachable = |from: &PathBuf| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reach: BTreeMap<_, _> = graph.keys().map(|file| (file, reachable(file))).collect();
    let mut circles = BTreeSet::new();
    for (file, others) in &reach {
        if others.contains(file) {
            let circle = others.iter().filter(|other| reach[*other].contains(file));
            circles.insert(circle.map(|file| (*file).clone()).collect());
        }
    }
    circles.into_iter().collect()
}

impl Modules {
    fn load(&mut self, path: Names, file: &Path, folder: &Path) {
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.load_items(path, &parsed.items, file, folder);
    }

    /// Reads the items of one module, and then the modules below it. `folder` is where their files are.
    fn load_items(&mut self, path: Names, items: &[Item], file: &Path, folder: &Path) {
        let mut module = Module {
            file: file.to_owned(),
            ..Module::default()
        };
        for item in items {
            if let Item::Mod(inner) = item {
                if is_test(&inner.attrs) {
                    continue;
                }
                let name = inner.ident.to_string();
                let path = [path.as_slice(), std::slice::from_ref(&name)].concat();
                if let Some((_, items)) = &inner.content {
                    self.load_items(path, items, file, &folder.join(name));
                } else {
                    let flat = folder.join(format!("{name}.rs"));
                    let nested = folder.join(&name).join("mod.rs");
                    let file = if flat.exists() { flat } else { nested };
                    self.load(path, &file, &folder.join(name));
                }
                continue;
            }
            module.visit_item(item);
            module.items.extend(defined_name(item));
        }
        self.0.insert(path, module);
    }

    /// Whether the file is that of a module around this one.
    fn contain(&self, path: &Names, file: &Path) -> bool {
        (0..path.len()).any(|length| self.0[&path[..length]].file == file)
    }

    /// The names that a module re-exports without using them itself.
    fn reexports(&self, path: &Names) -> BTreeSet<Names> {
        let module = &self.0[path];
        let below = |names: &Names| {
            let absolute = Self::absolute(path, names);
            absolute.len() > path.len() && absolute.starts_with(path)
        };
        let is_hub = module.file.ends_with("mod.rs") || path.is_empty();
        let imports = module.imports.iter().filter(|(_, p)| is_hub && below(p));
        imports.map(|(name, _)| vec![name.clone()]).collect()
    }

    /// `names` as seen from a module, from the root of the crate on.
    fn absolute(module: &Names, names: &Names) -> Names {
        let mut base = module.clone();
        let mut rest = names.as_slice();
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => base.clear(),
                "self" => {}
                "super" => {
                    base.pop();
                }
                _ => break,
            }
            rest = after;
        }
        base.extend_from_slice(rest);
        base
    }

    /// The files that define what `names` means in a module; none if it is not of this crate, or a module.
    fn definers(&self, module: &Names, names: &Names, depth: usize) -> BTreeSet<PathBuf> {
        let mut at = Names::new();
        let absolute = Self::absolute(module, names);
        // The longest beginning that is a module.
        for name in &absolute {
            at.push(name.clone());
            if !self.0.contains_key(&at) {
                at.pop();
                break;
            }
        }
        let Some(name) = absolute.get(at.len()) else {
            return BTreeSet::new();
        };
        let after = &absolute[at.len() + 1..];
        let inside = &self.0[&at];
        if inside.items.contains(name) {
            return BTreeSet::from([inside.file.clone()]);
        }
        if depth == MAX_REEXPORTS {
            return BTreeSet::new();
        }
        let imported = inside.imports.iter().filter(|(n, _)| n == name);
        let mut targets: Vec<Names> = imported
            .map(|(_, path)| [path.as_slice(), after].concat())
            .collect();
        if targets.is_empty() {
            let globbed =
                |path: &Names| [path.as_slice(), std::slice::from_ref(name), after].concat();
            targets = inside.globs.iter().map(globbed).collect();
        }
        targets
            .iter()
            // `use http::x` in a crate without a module `http` names another crate.
            .filter(|target| *target != names || at != *module)
            .flat_map(|target| self.definers(&at, target, depth + 1))
            .collect()
    }
}

impl Module {
    fn add_use(&mut self, tree: &UseTree, before: &Names) {
        let with = |ident: &Ident| [before.as_slice(), &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_use(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => {
                let last = before.last().cloned().unwrap_or_default();
                self.imports.push((last, before.clone()));
            }
            UseTree::Name(name) => self
                .imports
                .push((name.ident.to_string(), with(&name.ident))),
            UseTree::Rename(name) => {
                self.imports
                    .push((name.rename.to_string(), with(&name.ident)));
            }
            UseTree::Glob(_) => self.globs.push(before.clone()),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(tree, before);
                }
            }
        }
    }

    /// Finds the paths in the tokens of a macro, which are not parsed.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.add_path(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    self.add_path(std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        self.add_path(path);
    }

    fn add_path(&mut self, path: Names) {
        if !path.is_empty() {
            self.paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).is_some_and(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_use(&item.tree, &Names::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.add_path(names);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, of: &'ast syn::Macro) {
        self.add_tokens(of.tokens.clone());
        visit::visit_macro(self, of);
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let of = attribute.meta.require_list();
        attribute.path().is_ident("cfg") && of.is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return None,
    })
}

fn defined_name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

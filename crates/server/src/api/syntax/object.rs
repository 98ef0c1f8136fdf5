//! JSON objects of trees, written from the root without recursion: a tree may be as deep as its
//! query is long.

use serde::Serialize;

/// What is still to be written: text, or a node that becomes an [`Object`] once its turn comes.
pub(super) enum Part<Id> {
    Text(String),
    Node(Id),
}

/// The object of one node, open where its children go.
pub(super) struct Object<Id> {
    done: Vec<Part<Id>>,
    text: String,
}

impl<Id> Object<Id> {
    /// Returns an object with its field `type`.
    pub(super) fn new(kind: &'static str) -> Self {
        Self { done: Vec::new(), text: format!("{{\"type\":\"{kind}\"") }
    }

    pub(super) fn field(self, name: &'static str, value: &(impl Serialize + ?Sized)) -> Self {
        // Texts, numbers and lists of them always have a JSON form.
        self.json(name, &serde_json::to_string(value).unwrap_or_default())
    }

    /// Adds a field whose value is JSON already.
    pub(super) fn json(mut self, name: &'static str, json: &str) -> Self {
        self.name(name);
        self.text.push_str(json);
        self
    }

    pub(super) fn child(mut self, name: &'static str, child: Option<Id>) -> Self {
        self.name(name);
        match child {
            Some(child) => self.node(child),
            None => self.text.push_str("null"),
        }
        self
    }

    pub(super) fn children(
        mut self,
        name: &'static str,
        children: impl IntoIterator<Item = Id>,
    ) -> Self {
        self.name(name);
        self.text.push('[');
        for (index, child) in children.into_iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.node(child);
        }
        self.text.push(']');
        self
    }

    /// Puts the object on top of `pending`, its first part last.
    pub(super) fn push_to(mut self, pending: &mut Vec<Part<Id>>) {
        self.text.push('}');
        pending.push(Part::Text(self.text));
        pending.extend(self.done.into_iter().rev());
    }

    fn name(&mut self, name: &'static str) {
        self.text.push_str(",\"");
        self.text.push_str(name);
        self.text.push_str("\":");
    }

    fn node(&mut self, id: Id) {
        self.done.push(Part::Text(std::mem::take(&mut self.text)));
        self.done.push(Part::Node(id));
    }
}

//! A condition of a query that grows.

use rusqlite::ToSql;

/// A condition that grows.
pub(super) struct Filter {
    sql: String,
    bound: Vec<Box<dyn ToSql>>,
}

impl Filter {
    pub(super) fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            bound: Vec::new(),
        }
    }

    pub(super) fn bind(&mut self, value: impl ToSql + 'static) {
        self.bound.push(Box::new(value));
    }

    pub(super) fn and(&mut self, condition: &str, value: Option<impl ToSql + 'static>) {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.bind(value);
        }
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn values(&self) -> Vec<&dyn ToSql> {
        self.bound.iter().map(AsRef::as_ref).collect()
    }
}

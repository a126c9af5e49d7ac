//! The tables: their keys and indexes, as the stack creates them and the code uses them.

/// Version of the tables' attributes, in every item as `schema_version`.
pub const SCHEMA_VERSION: u32 = 1;
/// Version of the rules that choose principals and resources, as `rules_version`.
pub const RULES_VERSION: u32 = 1;
/// The attribute that DynamoDB's time to live reads: seconds since 1970.
pub const EXPIRES_AT: &str = "expires_at";

/// One of redtrail's tables. How each is named in an account is the stack's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One item per event: who did what.
    Principals,
    /// One item per event and resource it touched.
    Resources,
    /// Put-only facts: who used what on which day, aliases, links.
    Directory,
    /// One item per trail object, and what was rejected or quarantined.
    Ledger,
}

/// How a table is keyed. All keys are strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSchema {
    pub table: Table,
    /// The table's logical name in the template.
    pub logical_id: &'static str,
    /// The environment variable that names the table to a function.
    pub variable: &'static str,
    pub partition_key: &'static str,
    pub sort_key: &'static str,
    pub indexes: &'static [Index],
}

/// A sparse index: only items that carry both its keys stand in it, whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    pub name: &'static str,
    pub partition_key: &'static str,
    pub sort_key: &'static str,
}

/// Every table.
pub const TABLES: [TableSchema; 4] = [
    TableSchema {
        table: Table::Principals,
        logical_id: "PrincipalsTable",
        variable: "PRINCIPALS_TABLE",
        partition_key: "principal",
        sort_key: "event_key",
        indexes: &[Index {
            name: "failures",
            partition_key: "principal",
            sort_key: "failure_key",
        }],
    },
    TableSchema {
        table: Table::Resources,
        logical_id: "ResourcesTable",
        variable: "RESOURCES_TABLE",
        partition_key: "resource_key",
        sort_key: "event_key",
        indexes: &[Index {
            name: "changes",
            partition_key: "resource_key",
            sort_key: "change_key",
        }],
    },
    TableSchema {
        table: Table::Directory,
        logical_id: "DirectoryTable",
        variable: "DIRECTORY_TABLE",
        partition_key: "subject",
        sort_key: "edge",
        indexes: &[],
    },
    TableSchema {
        table: Table::Ledger,
        logical_id: "LedgerTable",
        variable: "LEDGER_TABLE",
        partition_key: "folder",
        sort_key: "object_key",
        indexes: &[Index {
            name: "attention",
            partition_key: "attention_month",
            sort_key: "folder",
        }],
    },
];

impl Table {
    /// How this table is keyed.
    pub fn schema(self) -> &'static TableSchema {
        match self {
            Self::Principals => &TABLES[0],
            Self::Resources => &TABLES[1],
            Self::Directory => &TABLES[2],
            Self::Ledger => &TABLES[3],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_each_table_has_its_schema() {
        for schema in &TABLES {
            assert_eq!(schema.table.schema(), schema);
        }
    }
}

//! Rows grouped into findings by their key: one finding a key, within limits that say so.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use kql::types::Schema;
use kql_datafusion::json;

use super::title::{TitleFacts, finding_title, rest_title};
use crate::finding::{Entity, EvidenceRow, Finding, Fingerprint};
use crate::hunt::Hunt;
use crate::id::FindingId;
use crate::run::RunRequest;

/// Most findings of a run; the last stands for all that are beyond.
pub const FINDINGS_MAX: usize = 150;
/// Most rows of evidence of a finding.
pub const EVIDENCE_ROWS_MAX: usize = 100;
/// Distinct keys beyond the limit that are counted exactly.
const KEYS_COUNTED_MAX: usize = 1_000_000;
/// Key under which the finding that stands for the rest is known: by its window, since what it
/// stands for in another window is something else.
const REST_KEY: &str = "beyond the limit of findings";

/// The groups of one run.
pub(super) struct Groups<'h> {
    hunt: &'h Hunt,
    request: &'h RunRequest,
    now: DateTime<Utc>,
    found: Vec<Group>,
    positions: HashMap<Vec<String>, usize>,
    /// Hashes of keys beyond the limit.
    rest_keys: HashSet<u64>,
}

/// Rows with one key.
#[derive(Default)]
struct Group {
    key: BTreeMap<String, String>,
    entities: Vec<Entity>,
    evidence: Vec<EvidenceRow>,
    rows: u64,
}

impl<'h> Groups<'h> {
    pub(super) fn new(hunt: &'h Hunt, request: &'h RunRequest, now: DateTime<Utc>) -> Self {
        Self {
            hunt,
            request,
            now,
            found: Vec::new(),
            positions: HashMap::new(),
            rest_keys: HashSet::new(),
        }
    }

    /// A hunt that fires on a result without rows (`rows == 0`) has one finding.
    pub(super) fn fire_without_rows(&mut self) {
        if self.found.is_empty() {
            self.found.push(Group::default());
        }
    }

    /// Adds rows.
    pub(super) fn push(&mut self, batch: &RecordBatch, schema: &Schema) {
        let columns = self.key_columns(schema);
        for row in 0..batch.num_rows() {
            let key: Vec<String> = columns
                .iter()
                .map(|position| cell(batch, schema, *position, row))
                .collect();
            let position = match self.positions.get(&key) {
                Some(position) => *position,
                None => self.add_group(&columns, schema, key),
            };
            let entities = (self.found[position].evidence.len() < EVIDENCE_ROWS_MAX)
                .then(|| self.entities(batch, schema, row));
            let group = &mut self.found[position];
            group.rows += 1;
            if let Some(entities) = entities {
                for entity in entities {
                    if !group.entities.contains(&entity) {
                        group.entities.push(entity);
                    }
                }
                group.evidence.push(json::object(batch, schema, row));
            }
        }
    }

    /// Positions of the columns whose values make the key.
    fn key_columns(&self, schema: &Schema) -> Vec<usize> {
        let declared = &self.hunt.dedupe.key;
        let names: Vec<&str> = if declared.is_empty() {
            let entities = self.hunt.entities.iter();
            entities.map(|entity| entity.column.as_str()).collect()
        } else {
            declared.iter().map(String::as_str).collect()
        };
        let mut positions: Vec<usize> = names
            .into_iter()
            .filter_map(|name| schema.index_of(name))
            .collect();
        positions.sort_unstable();
        positions.dedup();
        positions
    }

    /// The group of a new key: its own, or that of the rest.
    fn add_group(&mut self, columns: &[usize], schema: &Schema, key: Vec<String>) -> usize {
        if self.found.len() < FINDINGS_MAX {
            let names = columns
                .iter()
                .map(|position| schema.columns()[*position].name.to_string());
            let position = self.found.len();
            self.found.push(Group {
                key: names.zip(key.iter().cloned()).collect(),
                ..Group::default()
            });
            self.positions.insert(key, position);
            return position;
        }
        let last = FINDINGS_MAX - 1;
        if self.rest_keys.is_empty() {
            // The last group's own key is one of the rest from now on.
            let mut own = self
                .positions
                .iter()
                .filter(|(_, position)| **position == last);
            if let Some((own, _)) = own.next() {
                self.rest_keys.insert(hash(own));
            }
            let window = self.request.window.key();
            self.found[last].key = [(REST_KEY.to_owned(), window)].into();
        }
        if self.rest_keys.len() < KEYS_COUNTED_MAX {
            self.rest_keys.insert(hash(&key));
        }
        last
    }

    fn entities(&self, batch: &RecordBatch, schema: &Schema, row: usize) -> Vec<Entity> {
        let mut entities = Vec::new();
        for mapping in &self.hunt.entities {
            let Some(position) = schema.index_of(&mapping.column) else {
                continue;
            };
            let value = cell(batch, schema, position, row);
            if !value.is_empty() {
                entities.push(Entity {
                    kind: mapping.kind,
                    value,
                });
            }
        }
        entities
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        let Self {
            hunt,
            request,
            now,
            found,
            rest_keys,
            ..
        } = self;
        let last = found.len().saturating_sub(1);
        let finding = |(position, group): (usize, Group)| {
            let title = if position == last && !rest_keys.is_empty() {
                rest_title(
                    hunt,
                    rest_keys.len(),
                    rest_keys.len() >= KEYS_COUNTED_MAX,
                    group.rows,
                )
            } else {
                let facts = TitleFacts {
                    row: group.evidence.first(),
                    rows: group.rows,
                    key: &group.key,
                    window: request.window,
                };
                finding_title(hunt, &facts)
            };
            Finding {
                id: FindingId::generate(),
                hunt: hunt.name.clone(),
                run: request.id,
                window: request.window,
                title,
                severity: hunt.severity,
                entities: group.entities,
                fingerprint: Fingerprint::of(&hunt.name, &group.key),
                key: group.key,
                evidence: group.evidence,
                rows: group.rows,
                detected_at: now,
            }
        };
        found.into_iter().enumerate().map(finding).collect()
    }
}

fn cell(batch: &RecordBatch, schema: &Schema, position: usize, row: usize) -> String {
    let ty = schema.columns()[position].ty;
    json::text(batch.column(position), ty, row)
}

fn hash(key: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

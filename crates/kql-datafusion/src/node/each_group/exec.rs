//! Runs a subquery once for each group: cuts its sorted input where the keys change, runs the
//! plan over each piece, several at a time, and hands the results out in the order of the groups.
//! Nothing is held but the groups that are running.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{ScalarValue, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{Stream, StreamExt, TryStreamExt};

use super::Subquery;
use super::rows::over_rows;

/// The results of the subquery over the groups of `input`.
pub(super) fn run(
    subquery: &Arc<Subquery>,
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let rows = rows_schema(subquery, &input.schema());
    let reservation = MemoryConsumer::new("rows of groups").register(context.memory_pool());
    let groups = GroupReader::new(input, subquery, reservation)?;
    let at_once = context.session_config().target_partitions().max(1);
    let (subquery, context) = (Arc::clone(subquery), Arc::clone(context));
    let result_schema = Arc::clone(&schema);
    let results = async move {
        let session = &subquery.session;
        let runner = Runner {
            plan: session.create_physical_plan(&subquery.plan).await?,
            subquery,
            rows,
            schema: result_schema,
            context,
        };
        Ok::<_, DataFusionError>(results(groups, Arc::new(runner), at_once))
    };
    let results = futures::stream::once(results).try_flatten().boxed();
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, results)))
}

/// The results of all groups in their order, with the numbers of their rows.
fn results(
    groups: GroupReader,
    runner: Arc<Runner>,
    at_once: usize,
) -> impl Stream<Item = Result<RecordBatch>> {
    let mut next = 0_i64;
    futures::stream::try_unfold(groups, |mut groups| async move {
        Ok(groups.next().await?.map(|group| (group, groups)))
    })
    .map_ok(move |group| {
        let runner = Arc::clone(&runner);
        let task = SpawnedTask::spawn(async move { runner.run(group).await });
        async move {
            task.await
                .map_err(|error| DataFusionError::External(Box::new(error)))?
        }
    })
    .try_buffered(at_once)
    .map_ok(|results| futures::stream::iter(results.batches.into_iter().map(Ok)))
    .try_flatten()
    .and_then(move |batch: Unnumbered| {
        let end = next + batch.rows as i64;
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(next..end));
        next = end;
        std::future::ready(batch.numbered(numbers))
    })
}

/// The columns of a group as the subquery reads them.
fn rows_schema(subquery: &Subquery, input: &Schema) -> SchemaRef {
    let fields = input.fields().iter().take(subquery.width);
    let mut fields: Vec<Field> = fields
        .map(|field| Field::new(field.name(), field.data_type().clone(), true))
        .collect();
    if subquery.is_numbered {
        fields.push(Field::new("", DataType::Int64, false));
    }
    Arc::new(Schema::new(fields))
}

/// The rows of a group, and the memory that they take.
struct Group {
    batches: Vec<RecordBatch>,
    reservation: MemoryReservation,
}

/// Cuts sorted rows into groups.
struct GroupReader {
    input: SendableRecordBatchStream,
    keys: Vec<usize>,
    converter: RowConverter,
    /// Rows of the group at hand.
    current: Vec<RecordBatch>,
    key: Option<OwnedRow>,
    /// A batch, its keys, and where in it the next group starts.
    rest: Option<(RecordBatch, Rows, usize)>,
    reservation: MemoryReservation,
}

impl GroupReader {
    fn new(
        input: SendableRecordBatchStream,
        subquery: &Subquery,
        reservation: MemoryReservation,
    ) -> Result<Self> {
        let schema = input.schema();
        let keys = subquery.keys.iter().map(|key| schema.index_of(key));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let fields = keys.iter().map(|key| {
            let data_type = schema.field(*key).data_type().clone();
            SortField::new_with_options(data_type, SortOptions::default())
        });
        Ok(Self {
            converter: RowConverter::new(fields.collect())?,
            input,
            keys,
            current: Vec::new(),
            key: None,
            rest: None,
            reservation,
        })
    }

    /// The next group, which has a row at least.
    async fn next(&mut self) -> Result<Option<Group>> {
        loop {
            let (batch, keys, start) = match self.rest.take() {
                Some(rest) => rest,
                None => match self.input.try_next().await? {
                    Some(batch) => {
                        self.reservation.try_grow(batch.get_array_memory_size())?;
                        let columns = self.keys.iter().map(|key| Arc::clone(batch.column(*key)));
                        let columns: Vec<ArrayRef> = columns.collect();
                        let keys = self.converter.convert_columns(&columns)?;
                        (batch, keys, 0)
                    }
                    None if self.current.is_empty() => return Ok(None),
                    None => return Ok(Some(self.group())),
                },
            };
            let rows = batch.num_rows();
            if start == rows {
                continue;
            }
            let key = match &self.key {
                Some(key) => key.row(),
                None => self.key.insert(keys.row(start).owned()).row(),
            };
            let mut end = start;
            while end < rows && keys.row(end) == key {
                end += 1;
            }
            if end > start {
                self.current.push(batch.slice(start, end - start));
            }
            if end < rows {
                self.rest = Some((batch, keys, end));
                return Ok(Some(self.group()));
            }
        }
    }

    fn group(&mut self) -> Group {
        self.key = None;
        Group {
            batches: std::mem::take(&mut self.current),
            reservation: self.reservation.take(),
        }
    }
}

/// What runs the subquery over a group.
struct Runner {
    subquery: Arc<Subquery>,
    plan: Arc<dyn ExecutionPlan>,
    rows: SchemaRef,
    schema: SchemaRef,
    context: Arc<TaskContext>,
}

/// What a group came to, and the memory that it takes until it is read.
struct Results {
    batches: Vec<Unnumbered>,
}

/// A batch of the result but for the numbers of its rows.
struct Unnumbered {
    columns: Vec<ArrayRef>,
    rows: usize,
    schema: SchemaRef,
    _reservation: MemoryReservation,
}

impl Unnumbered {
    fn numbered(mut self, numbers: ArrayRef) -> Result<RecordBatch> {
        self.columns.push(numbers);
        Ok(RecordBatch::try_new(self.schema, self.columns)?)
    }
}

impl Runner {
    async fn run(&self, group: Group) -> Result<Results> {
        let tail = self.tail(&group)?;
        let rows = Arc::new(self.rows(&group)?);
        let plan = over_rows(&self.plan, &rows)?;
        let mut output = execute_stream(plan, Arc::clone(&self.context))?;
        let mut batches = Vec::new();
        while let Some(batch) = output.try_next().await? {
            let rows = batch.num_rows();
            if rows == 0 {
                continue;
            }
            let reservation = group.reservation.new_empty();
            reservation.try_grow(batch.get_array_memory_size())?;
            let mut columns = batch.columns().to_vec();
            for value in &tail {
                columns.push(value.to_array_of_size(rows)?);
            }
            batches.push(Unnumbered {
                columns,
                rows,
                schema: Arc::clone(&self.schema),
                _reservation: reservation,
            });
        }
        Ok(Results { batches })
    }

    /// The values of the keys and of the carried columns.
    fn tail(&self, group: &Group) -> Result<Vec<ScalarValue>> {
        let Some(first) = group.batches.first() else {
            return internal_err!("a group has rows");
        };
        let names = self.subquery.keys.iter().chain(&self.subquery.carried);
        names
            .map(|name| {
                let position = first.schema_ref().index_of(name)?;
                ScalarValue::try_from_array(first.column(position), 0)
            })
            .collect()
    }

    /// The rows that the subquery reads.
    fn rows(&self, group: &Group) -> Result<Vec<RecordBatch>> {
        let mut next = 0;
        let mut batches = Vec::with_capacity(group.batches.len());
        for batch in &group.batches {
            let mut columns = batch.columns()[..self.subquery.width].to_vec();
            let end = next + batch.num_rows() as i64;
            if self.subquery.is_numbered {
                columns.push(Arc::new(Int64Array::from_iter_values(next..end)));
            }
            next = end;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let schema = Arc::clone(&self.rows);
            batches.push(RecordBatch::try_new_with_options(
                schema, columns, &options,
            )?);
        }
        Ok(batches)
    }
}

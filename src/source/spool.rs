//! placeholder
use super::SourceError;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
#[derive(Debug, Default)]
pub struct Spool(Vec<RecordBatch>);
#[derive(Debug, Default)]
pub struct Spooled(Vec<RecordBatch>);
impl Spool {
    pub async fn push(&mut self, batch: RecordBatch) -> Result<(), std::io::Error> {
        self.0.push(batch);
        Ok(())
    }
    pub async fn finish(self) -> Result<Spooled, std::io::Error> {
        Ok(Spooled(self.0))
    }
}
impl Spooled {
    pub fn into_stream(
        self,
        _schema: SchemaRef,
    ) -> impl Stream<Item = Result<RecordBatch, SourceError>> + Send + 'static {
        futures::stream::iter(self.0.into_iter().map(Ok))
    }
}

//! A function that does nothing, made as the runtime's documents show it, on tokio's usual runtime
//! and with the usual log lines: <https://docs.rs/crate/lambda_runtime/latest>

use lambda_runtime::{Error, LambdaEvent, service_fn, tracing};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let answer = async |_: LambdaEvent<Value>| Ok::<_, Error>(Value::Null);
    lambda_runtime::run(service_fn(answer)).await
}

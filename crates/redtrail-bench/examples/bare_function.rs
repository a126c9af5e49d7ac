//! A function that does nothing, without log lines and on one thread: the least that any one on this
//! runtime takes to start.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let answer = async |_: LambdaEvent<Value>| Ok::<_, Error>(Value::Null);
    lambda_runtime::run(service_fn(answer)).await
}

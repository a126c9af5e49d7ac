//! A service of AWS that answers as a test has it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

/// A request as it came.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Starts it; gives its endpoint. `answer` gives the content type, with whatever headers follow
/// it, and the body; where it gives nothing the connection ends.
pub(crate) fn stub(
    mut answer: impl FnMut(&Request) -> Option<(&'static str, String)> + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut serve = move |stream: TcpStream| {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).ok()? > 0 {}
        let lowered = head.to_lowercase();
        let length = lowered.split_once("content-length: ")?.1;
        let mut body = vec![0; length.split("\r\n").next()?.parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        let (kind, answer) = answer(&Request { head, body })?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        let mut stream = reader.into_inner();
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(answer.as_bytes()).ok()
    };
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
    });
    endpoint
}

/// CloudFormation's answer about one stack.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
pub(crate) fn describe_stacks(parameters: &[(&str, &str)], outputs: &[(&str, &str)]) -> String {
    let members = |kind: &str, members: &[(&str, &str)]| -> String {
        let member = |(key, value): &(&str, &str)| {
            let value = value.replace('"', "&quot;");
            format!(
                "<member><{kind}Key>{key}</{kind}Key><{kind}Value>{value}</{kind}Value></member>"
            )
        };
        members.iter().map(member).collect()
    };
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\">\
         <DescribeStacksResult><Stacks><member><StackName>redtrail</StackName>\
         <CreationTime>2026-03-02T09:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus>\
         <Parameters>{}</Parameters><Outputs>{}</Outputs>\
         </member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
        members("Parameter", parameters),
        members("Output", outputs),
    )
}

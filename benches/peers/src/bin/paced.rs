//! `paced PORT PATH TOKENS_FILE FIRST_LINE RATE SECONDS`: requests at a fixed rate, each with a token that was never sent before, which
//! none of the usual programs sends: h2load has a rate but the same headers in each request, wrk has tokens but no rate.
//!
//! Requests are due at random times: exponential gaps, the same ones in each run. A connection that is free takes the next one. If no
//! connection is free when a request is due, its latency counts from that time; otherwise from the time when it is written, so that a
//! late wake-up of this program does not count. Writes a line of JSON as requests.lua does.

use std::{
    error::Error,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

const CONNECTIONS: usize = 16;

struct Load {
    port: u16,
    path: String,
    tokens: Vec<String>,
    rate: f64,
    end: Instant,
    next: Mutex<Next>,
}

/// The request that no connection has taken yet: its number and when it is due.
struct Next {
    number: usize,
    due: Instant,
    random: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |name: &str| arguments.next().ok_or(format!("{name} is missing"));
    let (port, path, file) = (next("PORT")?.parse()?, next("PATH")?, next("TOKENS_FILE")?);
    let (first, rate): (usize, u32) = (next("FIRST_LINE")?.parse()?, next("RATE")?.parse()?);
    let seconds: u32 = next("SECONDS")?.parse()?;
    // The number of requests is random too.
    let count = usize::try_from(rate * seconds)? * 5 / 4 + 1000;
    let tokens = BufReader::new(File::open(file)?).lines().skip(first).take(count).collect::<Result<_, _>>()?;
    let start = Instant::now() + Duration::from_millis(50);
    let next = Mutex::new(Next { number: 0, due: start, random: 0x9E37_79B9_7F4A_7C15 });
    let load = Load { port, path, tokens, rate: rate.into(), end: start + Duration::from_secs(seconds.into()), next };
    let outcomes: Vec<io::Result<Vec<u64>>> = thread::scope(|scope| {
        let started: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| load.send())).collect();
        started
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended"))))
            .collect()
    });
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let mut latencies: Vec<u64> = outcomes.into_iter().flatten().flatten().collect();
    latencies.sort_unstable();
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or(0);
    let exhausted = load.take().0 > load.tokens.len();
    println!(
        "{{\"requests\": {}, \"failed\": {failed}, \"exhausted\": {exhausted}, \"seconds\": {:.3}, \"p50_us\": {}, \"p99_us\": {}}}",
        latencies.len(),
        start.elapsed().as_secs_f64(),
        at(50),
        at(99)
    );
    Ok(())
}

impl Load {
    fn take(&self) -> (usize, Instant) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = (next.number, next.due);
        next.random ^= next.random << 13;
        next.random ^= next.random >> 7;
        next.random ^= next.random << 17;
        let uniform = ((next.random >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        next.due += Duration::from_secs_f64(-uniform.ln() / self.rate);
        next.number += 1;
        taken
    }

    /// What one connection sends, and the microseconds of each request.
    fn send(&self) -> io::Result<Vec<u64>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let (mut latencies, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
        loop {
            let (number, due) = self.take();
            if due > self.end {
                return Ok(latencies);
            }
            let token = self.tokens.get(number % self.tokens.len().max(1)).ok_or(io::ErrorKind::InvalidInput)?;
            let request = format!(
                "GET {} HTTP/1.1\r\nHost: app.example.com\r\nUser-Agent: paced\r\nAccept: */*\r\nX-Forwarded-For: 192.0.2.7\r\n\
                 X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\nX-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678\r\n\
                 X-Amzn-Oidc-Accesstoken: opaque\r\nX-Amzn-Oidc-Data: {token}\r\n\r\n",
                self.path
            );
            let early = due.saturating_duration_since(Instant::now());
            thread::sleep(early);
            let from = if early.is_zero() { due } else { Instant::now() };
            stream.write_all(request.as_bytes())?;
            receive(&mut stream, &mut buffer)?;
            latencies.push(from.elapsed().as_micros().try_into().unwrap_or(u64::MAX));
        }
    }
}

/// One response with status 200 and a length.
fn receive(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default())?;
        filled += read;
        let text = String::from_utf8_lossy(&buffer[..filled]).to_ascii_lowercase();
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        match length {
            Some(length) if head.starts_with("http/1.1 200") && body.len() == length => return Ok(()),
            Some(length) if head.starts_with("http/1.1 200") && body.len() < length => {}
            _ => return Err(io::Error::other("expected status 200 and a length")),
        }
    }
}

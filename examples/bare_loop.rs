//! What writing costs by itself: one thread writes the same bytes to the same number of sockets at the same rate, and does
//! nothing else. `bare_loop SOCKETS RATE SECONDS BYTES` prints its processor time for each frame, in microseconds.

use std::{
    env,
    error::Error,
    fs,
    io::Write,
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tokio::{io, task::JoinSet};

/// Linux counts processor time in hundredths of a second.
const TICK_US: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match &arguments[..] {
        [read, sockets, address] if read == "read" => drain(sockets.parse()?, address.parse()?),
        [sockets, rate, seconds, bytes] => write(sockets.parse()?, rate.parse()?, seconds.parse()?, bytes.parse()?),
        _ => Err("bare_loop SOCKETS RATE SECONDS BYTES".into()),
    }
}

fn write(sockets: usize, rate: u32, seconds: u32, bytes: usize) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let mut reader = Command::new(env::current_exe()?).args(["read", &sockets.to_string(), &address]).spawn()?;
    let mut open: Vec<TcpStream> =
        (0..sockets).map(|_| listener.accept().map(|(socket, _)| socket)).collect::<Result<_, _>>()?;
    open.iter().try_for_each(|socket| socket.set_nodelay(true))?;
    let frame = vec![b'x'; bytes];
    let (began, before) = (Instant::now(), processor_us()?);
    for n in 0..rate * seconds {
        open.iter_mut().try_for_each(|socket| socket.write_all(&frame))?;
        thread::sleep((Duration::from_secs(1) * (n + 1) / rate).saturating_sub(began.elapsed()));
    }
    let frames = u64::from(rate * seconds) * u64::try_from(sockets)?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = (processor_us()? - before) as f64 / frames as f64;
    println!("{each:.2}");
    drop(open);
    reader.wait()?;
    Ok(())
}

/// Reads from as many sockets until they end.
fn drain(sockets: usize, address: SocketAddr) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut all = JoinSet::new();
        for _ in 0..sockets {
            let mut socket = tokio::net::TcpStream::connect(address).await?;
            all.spawn(async move { io::copy(&mut socket, &mut io::sink()).await });
        }
        while all.join_next().await.is_some() {}
        Ok(())
    })
}

/// Processor time that this process has used.
fn processor_us() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().ok_or("no stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).ok_or("no stat")?.parse::<u64>().map_err(Box::<dyn Error>::from);
    Ok((ticks(11)? + ticks(12)?) * TICK_US)
}

//! The command line: one binary, its subcommands.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::server::{
    config::Settings,
    mongo::Mongo,
    ops::{
        admin_cli::{self, AdminCommand},
        check,
        ingest::{self, import, seed, simulate},
        prepare,
    },
    redis::Redis,
    serve, telemetry,
};

/// The live control room of an EV-charging network
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Settings file (default: Leptos.toml of the working directory); the environment wins over it
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

impl Cli {
    /// The command. Without one the program serves, because `cargo leptos watch` starts it without a word.
    fn chosen(self) -> Command {
        self.command.unwrap_or(Command::Serve)
    }
}

#[derive(Subcommand)]
enum Command {
    /// Serve the dashboard; without a command, too. Nothing is made in a database that ChargeDeck did not fill
    Serve,
    /// Look at MongoDB, Redis and every document; exit code 1 with what mends it if something is wrong
    Check,
    /// List the indexes and change-stream images that the pages need, with their size, ask, and make them
    Prepare(prepare::PrepareArgs),
    /// Manage the accounts of admins
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Import real history from a CSV file; exit code 3 if rows were refused
    Import(import::ImportArgs),
    /// Make a small network to look at
    Seed(seed::SeedArgs),
    /// Write to the database as a charging network does, until stopped
    Simulate(simulate::SimulateArgs),
}

/// Runs the program. Exit code 2 means that the settings are wrong. All that is wrong with them was printed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = telemetry::LogFormat::from_env().map_err(anyhow::Error::msg).and_then(telemetry::init) {
        eprintln!("{error:#}");
        return ExitCode::from(2);
    }
    if let Some(Command::Import(import::ImportArgs { print_preset: Some(name), .. })) = &cli.command {
        return match ingest::shipped(name) {
            Ok(text) => {
                print!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let settings = match Settings::load(cli.config.as_deref()) {
        Ok(settings) => settings,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no threads can be had: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli.chosen(), settings)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", telemetry::causes(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, settings: Settings) -> anyhow::Result<ExitCode> {
    if matches!(command, Command::Serve) {
        serve::serve(settings).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if matches!(command, Command::Check) {
        let report = check::run(&settings).await?;
        print!("{report}");
        return Ok(if report.is_problem() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let mongo = Mongo::connect(&settings.mongo).await?;
    let done = with(&mongo, command, &settings).await;
    // A client that is dropped while the runtime ends may panic.
    mongo.client.shutdown().immediate(true).await;
    done
}

/// The exit code of an import that refused rows.
const ROWS_REFUSED: u8 = 3;

/// Runs a one-off command that needs MongoDB, and prints its result.
async fn with(mongo: &Mongo, command: Command, settings: &Settings) -> anyhow::Result<ExitCode> {
    if matches!(command, Command::Import(_) | Command::Seed(_) | Command::Simulate(_)) {
        ingest::only_unmapped(&mongo.mapping)?;
    }
    match command {
        Command::Serve | Command::Check => {}
        Command::Prepare(args) => prepare::run(mongo, args).await?,
        Command::Admin(command) => {
            let redis = Redis::connect(&settings.redis.url, &settings.mongo.own_db)?;
            admin_cli::run(command, &settings.network.name, &mongo.own, &redis).await?;
        }
        Command::Import(args) => {
            let report = import::run(&mongo.operator, &args).await?;
            print!("{report}");
            if report.stopped.is_some() {
                return Ok(ExitCode::FAILURE);
            }
            ingest::prepare(mongo).await?;
            if report.refused.count() > 0 && !args.allow_refused {
                return Ok(ExitCode::from(ROWS_REFUSED));
            }
        }
        Command::Seed(args) => {
            println!("{}", seed::run(&mongo.operator, &args).await?);
            ingest::prepare(mongo).await?;
        }
        Command::Simulate(args) => {
            ingest::prepare(mongo).await?;
            let stop = CancellationToken::new();
            let on_signal = stop.clone();
            tokio::spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    on_signal.cancel();
                }
            });
            println!("{}", simulate::run(&mongo.operator, &args, stop).await?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn without_a_command_it_serves() {
        let chosen = |words: &[&str]| Cli::try_parse_from(words).map(Cli::chosen);
        assert!(matches!(chosen(&["chargedeck"]), Ok(Command::Serve)));
        assert!(matches!(chosen(&["chargedeck", "--config", "Leptos.toml"]), Ok(Command::Serve)));
        assert!(matches!(chosen(&["chargedeck", "check"]), Ok(Command::Check)));
        assert!(
            chosen(&["chargedeck", "sevre"]).is_err(),
            "an unknown command is refused, and does not start the server"
        );
        let help = Cli::command().render_help().to_string();
        assert!(help.contains("[COMMAND]") && help.contains("Serve the dashboard; without a command, too"), "{help}");
    }
}

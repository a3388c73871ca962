//! Parses the arguments, runs the subcommand, and exits with its code.

use std::process::ExitCode;

use clap::Parser as _;

/// Decoding files asks for large blocks all the time, which the system's allocator gives back to
/// the kernel each time, and the kernel clears before it hands them out again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    huntd::memory::use_small_pages();
    let cli = huntd::cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(huntd::cli::run(cli));
            // A step of a query that nobody waits for any more may be busy for long.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            huntd::cli::terminal::print_note(&format!("error: cannot start: {error}"));
            ExitCode::from(huntd::cli::EXIT_FAILED)
        }
    }
}

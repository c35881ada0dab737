//! `lockstep backfill`: a full apply, in as many passes as it takes.

use clap::Args;
use engine::Scope;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress;
use crate::run::{self, Reported, Wanted};
use crate::scope::FormatArgs;
use crate::session::Session;
use crate::show;

/// `lockstep backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// Show how far it has got: done, rate, time left, and how much of AWS's quota is used
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// A pass lasts no longer than a deployed run may, so that what other runs touch meanwhile is never forgotten; what is left is done by the
/// next pass, which reads anew.
pub(crate) async fn run(args: BackfillArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    session.settings().table()?;
    let mut passes: u64 = 1;
    let reported = loop {
        let reported = pass(&args, session, output).await?;
        if !has_more(&reported) {
            break reported;
        }
        output.message(&format!("pass {passes}: {}", show::summary(&reported.document, output.messages)));
        passes += 1;
    };
    if passes > 1 {
        output.message(&format!("{passes} passes; the report is of the last one, and `lockstep runs` lists all"));
    }
    run::show(&reported, &run::surroundings(session), &args.format, output)
}

async fn pass(args: &BackfillArgs, session: &Session, output: &Output) -> Result<Reported, CliError> {
    let engine = session.engine(session.deadline(None)).await?;
    session.progress().reset();
    let _watch = args.watch.then(|| progress::watch(&engine, session.progress(), *output));
    run::with(&engine, session, Wanted::apply(Scope::All)).await
}

/// Whether the time was up before all was done, and another pass gets further.
fn has_more(reported: &Reported) -> bool {
    reported.is_out_of_time && reported.document.outcomes.changed > 0
}

//! The end of a history: faults stop, and a few healthy runs must bring everything in order.

use std::time::Duration;

use engine::Completed;
use sync_core::plan::PlanHash;
use sync_core::report::{Mode, Status};

use crate::drive::{Broken, Drive};
use crate::history::Op;
use crate::last;

/// Healthy runs that suffice: one that does what is to be done, one that does what the first made possible, and one that finds nothing.
const ROUNDS: usize = 4;

/// What the guard holds is approved at most so often: a group that is emptied first may be deleted next.
const APPROVALS: usize = 8;

/// Longer than the budget's window, and than the longest pause after an assignment that failed.
const NEXT_DAY: Duration = Duration::from_secs(25 * 3_600);

/// Longer than a lease, than reads are late, and than a process believes what it remembers of the organization.
const A_WHILE: Duration = Duration::from_secs(400);

impl Drive {
    /// Lets everything go right from now on, and looks at what becomes of it.
    pub(crate) async fn heal(&mut self, looks_dry: bool) -> Result<(), Broken> {
        self.calm_down().await?;
        self.stage.keep_logs(true);
        if looks_dry {
            self.dry_run_tells_what_the_next_does().await?;
        }
        let departing = last::departing(&self.stage);
        self.converge().await?;
        if self.stage.setup.managed.as_ref().is_some_and(|managed| managed.grace_hours > 0) {
            // Nobody's grace began later than with the first of these runs.
            self.pass(NEXT_DAY).await?;
            self.converge().await?;
        }
        last::check(&self.stage, &departing)
    }

    async fn calm_down(&mut self) -> Result<(), Broken> {
        self.stage.calm();
        self.watch.approve();
        self.stage.perform(&Op::Latency { ms: 0 });
        self.stage.perform(&Op::Stale { okta_ms: 0, aws_ms: 0 });
        self.stage.world.aws.clear_fates();
        self.stage.world.aws.finish_requests();
        for account in 0..2 {
            self.stage.perform(&Op::Account { account, active: true });
        }
        if self.stage.setup.managed.is_none() {
            // Twice, because one may wait for the name that another gives up.
            for user in (0..self.stage.okta_users.len()).chain(0..self.stage.okta_users.len()) {
                self.stage.provision(user);
            }
        }
        self.stage.forget_changes();
        self.stage.remember_unmanaged();
        self.pass(A_WHILE).await
    }

    /// A dry run writes nothing, and its plan is that of the run that follows.
    async fn dry_run_tells_what_the_next_does(&mut self) -> Result<(), Broken> {
        self.clear_logs();
        let dry = self.alone(Mode::DryRun, None).await?.report;
        let wrote = self.stage.world.aws.write_attempts().len() + self.stage.world.okta.writes().len();
        let wrote = wrote + self.stage.world.table.log().iter().filter(|call| call.writing).count();
        if wrote > 0 {
            return Err(format!("a dry run wrote {wrote} times"));
        }
        let real = self.alone(Mode::Apply, None).await?.report;
        if dry.plan != real.plan {
            return Err(format!("a dry run planned {:?}, and the next run {:?}", dry.plan, real.plan));
        }
        let changed = self.stage.world.aws.writes().len();
        // Over SCIM, several memberships of a group are one write.
        if real.status == Status::Applied && !self.stage.setup.scim && changed != dry.plan.len() {
            return Err(format!("a dry run planned {:?}, and the next run wrote {:?}", dry.plan, self.stage.world.aws.writes()));
        }
        Ok(())
    }

    /// Until a run finds nothing left to do, and so writes nothing.
    async fn converge(&mut self) -> Result<(), Broken> {
        let (mut rounds, mut approvals) = (0, 0);
        loop {
            self.clear_logs();
            let completed = self.alone(Mode::Apply, None).await?;
            match completed.report.status {
                Status::Converged => return self.wrote_nothing(&completed),
                Status::Held => {
                    approvals += 1;
                    self.approve().await?;
                }
                Status::Planned | Status::Applied | Status::Partial | Status::Failed => rounds += 1,
            }
            if rounds > ROUNDS || approvals > APPROVALS {
                return Err(format!("healthy runs do not converge: {}", text(&completed)));
            }
            self.pass(NEXT_DAY).await?;
        }
    }

    fn wrote_nothing(&self, completed: &Completed) -> Result<(), Broken> {
        let writes = self.stage.world.aws.write_attempts().len();
        if writes == 0 { Ok(()) } else { Err(format!("a run that found nothing to do wrote {writes} times: {}", text(completed))) }
    }

    /// As an operator does it: a look, and an approval of what it shows.
    async fn approve(&mut self) -> Result<(), Broken> {
        let shown = self.alone(Mode::DryRun, None).await?;
        if shown.report.held.is_empty() {
            return Ok(());
        }
        let approved = self.alone(Mode::Apply, PlanHash::parse(&shown.report.plan_hash)).await?;
        match approved.report.status {
            Status::Held => Err(format!("what was approved is held: {}", text(&approved))),
            Status::Converged | Status::Planned | Status::Applied | Status::Partial | Status::Failed => Ok(()),
        }
    }

    fn clear_logs(&self) {
        self.stage.world.okta.clear_log();
        self.stage.world.aws.clear_log();
        self.stage.world.table.clear_log();
    }
}

fn text(completed: &Completed) -> String {
    serde_json::to_string(&completed.report).unwrap_or_else(|error| error.to_string())
}

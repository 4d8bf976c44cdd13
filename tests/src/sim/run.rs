//! Runs the scenario of a seed and judges it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::auditing::{Auditing, Findings};
use super::calls::{Happening, TaskId};
use super::putting::Putting;
use super::reading::Reading;
use super::repairing::Repairing;
use super::scenario::{Round, Scenario};
use super::trace::Verbosity;
use super::violation::{Sabotage, Violation};
use super::world::World;

/// What may happen to the tasks of one seed before it counts as going round in circles.
const HAPPENINGS_MAX: u64 = 2_000_000;

/// Something that a client does, one plan under one performer.
pub(crate) trait Task {
    /// Its name in reports.
    fn name(&self) -> String;
    /// Takes in what happened.
    fn on(&mut self, world: &mut World, happening: Happening) -> Result<(), Violation>;
    /// Whether it has ended.
    fn is_over(&self) -> bool;
}

/// A run in which every invariant held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The hash of the whole trace: two runs of a seed agree in it.
    pub trace: [u8; 32],
    /// How bad things were.
    pub mood: String,
    /// Virtual time that passed.
    pub took: Duration,
    /// What happened to the tasks, counted.
    pub happenings: u64,
}

/// A run in which an invariant did not hold.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// The seed.
    pub seed: u64,
    /// What did not hold.
    pub violation: Violation,
    /// The last lines of the trace.
    pub last_lines: Vec<String>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.last_lines {
            writeln!(f, "    {line}")?;
        }
        let Self { seed, violation, .. } = self;
        writeln!(f, "seed {seed}: {violation}")?;
        write!(f, "replay with: cargo run -p e2e --bin simulate -- --seed {seed}")
    }
}

/// Runs one seed.
pub fn run(seed: u64, sabotage: Sabotage, verbosity: Verbosity) -> Result<Report, Box<Trouble>> {
    let mut scenario = Scenario::drawn(seed, sabotage, verbosity);
    let mut runner = Runner { next_task: 0, happenings: 0, findings: Findings::default() };
    let begun = scenario.world.now();
    for (round, rest) in std::mem::take(&mut scenario.rounds) {
        if let Err(violation) = runner.round(&mut scenario, round) {
            let last_lines = scenario.world.trace().last_lines();
            return Err(Box::new(Trouble { seed, violation, last_lines }));
        }
        scenario.world.pass(rest);
    }
    let Scenario { world, mood, .. } = &scenario;
    let (trace, took) = (world.trace().hash(), world.now().since(begun));
    Ok(Report { seed, trace, mood: format!("{mood:?}"), took, happenings: runner.happenings })
}

struct Runner {
    next_task: usize,
    happenings: u64,
    findings: Findings,
}

impl Runner {
    fn round(&mut self, scenario: &mut Scenario, round: Round) -> Result<(), Violation> {
        let Scenario { world, object, sabotage, .. } = scenario;
        let (first, object, sabotage) = (self.next_task, || Arc::clone(object), *sabotage);
        let task = TaskId(first);
        let mut tasks: Vec<Box<dyn Task>> = Vec::new();
        match round {
            Round::Put => tasks.push(Box::new(Putting::new(task, object(), sabotage, world))),
            Round::Audit(seed) => {
                let findings = Findings::clone(&self.findings);
                tasks.push(Box::new(Auditing::new(task, object(), seed, findings, sabotage, world)));
            }
            Round::Repair => {
                let findings = Findings::clone(&self.findings);
                tasks.push(Box::new(Repairing::new(task, object(), findings, world)));
            }
            Round::Read(reads) => {
                for (number, read) in (first..).zip(reads) {
                    tasks.push(Box::new(Reading::new(TaskId(number), object(), read, world)));
                }
            }
        }
        self.next_task += tasks.len();
        self.together(world, first, &mut tasks)
    }

    /// Runs tasks at the same time until all of them have ended.
    fn together(
        &mut self,
        world: &mut World,
        first: usize,
        tasks: &mut [Box<dyn Task>],
    ) -> Result<(), Violation> {
        for task in &mut *tasks {
            world.note(format_args!("{} begins", task.name()));
            task.on(world, Happening::Begin)?;
        }
        while let Some(task) = tasks.iter().find(|task| !task.is_over()) {
            let Some((id, happening)) = world.next() else {
                return Err(Violation::Hangs { what: task.name() });
            };
            self.happenings += 1;
            if self.happenings > HAPPENINGS_MAX {
                let what = "things that happen in one simulation".to_owned();
                return Err(Violation::TooMany { what, count: self.happenings, limit: HAPPENINGS_MAX });
            }
            // What is left of the tasks of earlier rounds concerns nobody.
            if let Some(task) = id.0.checked_sub(first).and_then(|index| tasks.get_mut(index)) {
                task.on(world, happening)?;
            }
        }
        Ok(())
    }
}

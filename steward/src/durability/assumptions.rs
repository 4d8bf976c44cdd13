//! What the model is told.

/// The most shards of a segment that the model takes.
pub const SHARDS_MODELLED_MAX: u32 = 256;
/// Hours in a year of 365.25 days.
pub(super) const HOURS_PER_YEAR: f64 = 8766.0;

/// What is stored how, how often nodes are lost, and how soon that is noticed and mended. All values have been checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assumptions {
    needed: u32,
    shards: u32,
    losses_per_year: f64,
    detection_hours: f64,
    repair_hours: f64,
    threshold: u32,
    correlated: Option<Correlated>,
}

/// Failures that take many nodes at once: a data centre, an operator, a release with a fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlated {
    /// How often, per year.
    pub per_year: f64,
    /// The part of all nodes that is lost, from 0 to 1.
    pub fraction: f64,
}

impl Assumptions {
    /// A segment of `shards` shards of which `needed` are enough, on nodes that lose all they hold `losses_per_year`
    /// times on average (an annual failure rate, or churn).
    ///
    /// A loss is noticed after `detection_hours` and, once there are `threshold` or fewer shards, all lost ones are rebuilt
    /// together after `repair_hours` more (means). Nothing is correlated.
    pub fn new(
        (needed, shards): (u32, u32),
        losses_per_year: f64,
        (detection_hours, repair_hours): (f64, f64),
        threshold: u32,
    ) -> Result<Self, AssumptionsError> {
        if needed == 0 || needed > shards || shards > SHARDS_MODELLED_MAX {
            return Err(AssumptionsError::Coding { needed, shards });
        }
        if !(needed..shards).contains(&threshold) && needed != shards {
            return Err(AssumptionsError::Threshold { threshold, needed, most: shards - 1 });
        }
        positive("losses per year", losses_per_year)?;
        positive("hours to notice", detection_hours)?;
        positive("hours to repair", repair_hours)?;
        Ok(Self {
            needed,
            shards,
            losses_per_year,
            detection_hours,
            repair_hours,
            threshold,
            correlated: None,
        })
    }

    /// The same, with failures of many nodes at once besides.
    pub fn with_correlated(self, correlated: Correlated) -> Result<Self, AssumptionsError> {
        positive("correlated failures per year", correlated.per_year)?;
        if !(0.0..=1.0).contains(&correlated.fraction) {
            return Err(AssumptionsError::Fraction { fraction: correlated.fraction });
        }
        Ok(Self { correlated: Some(correlated), ..self })
    }

    /// Shards that are enough to read.
    pub const fn needed(&self) -> u32 {
        self.needed
    }

    /// All shards of a segment.
    pub const fn shards(&self) -> u32 {
        self.shards
    }

    /// The number of shards at which, or below which, repair begins.
    pub const fn threshold(&self) -> u32 {
        self.threshold
    }

    /// Bytes stored per byte of data.
    pub fn expansion(&self) -> f64 {
        f64::from(self.shards) / f64::from(self.needed)
    }

    /// The same with another repair threshold, between `needed` and one less than all shards.
    pub(super) fn at_threshold(self, threshold: u32) -> Self {
        debug_assert!((self.needed..self.shards).contains(&threshold), "{threshold} is no threshold");
        Self { threshold, ..self }
    }

    /// Losses of one node per hour.
    pub(super) fn loss_rate(&self) -> f64 {
        self.losses_per_year / HOURS_PER_YEAR
    }

    /// Mean hours from the loss that makes a repair necessary to its end.
    pub(super) fn mending_hours(&self) -> f64 {
        self.detection_hours + self.repair_hours
    }

    pub(super) const fn detection_hours(&self) -> f64 {
        self.detection_hours
    }

    pub(super) const fn repair_hours(&self) -> f64 {
        self.repair_hours
    }

    pub(super) const fn correlated(&self) -> Option<Correlated> {
        self.correlated
    }
}

fn positive(what: &'static str, value: f64) -> Result<(), AssumptionsError> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(AssumptionsError::Value { what, value }) }
}

/// Why nothing can be computed from such assumptions.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum AssumptionsError {
    /// No coding.
    #[error("{needed} of {shards} shards is no coding; at most {SHARDS_MODELLED_MAX} shards are modelled")]
    Coding {
        /// Shards that are enough.
        needed: u32,
        /// All shards.
        shards: u32,
    },
    /// Repair would begin too late or never.
    #[error("a repair threshold of {threshold} shards is not between {needed} and {most}")]
    Threshold {
        /// What was given.
        threshold: u32,
        /// The least that makes sense.
        needed: u32,
        /// The most that does.
        most: u32,
    },
    /// A rate or a time is negative or no number.
    #[error("{what} cannot be {value}")]
    Value {
        /// Which.
        what: &'static str,
        /// What was given.
        value: f64,
    },
    /// A part that is none.
    #[error("a part of {fraction} of all nodes is not between 0 and 1")]
    Fraction {
        /// What was given.
        fraction: f64,
    },
}

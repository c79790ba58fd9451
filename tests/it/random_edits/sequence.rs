//! One sequence: what stands at the beginning, and then edits, time, runs and the verdict on each.
//!
//! Never: a choice that does not come from the seed.

use std::{collections::BTreeSet, fmt::Write as _};

use concordat::{
    domain::{digest::Digest, state::Absence},
    ledger::Verifier,
    store::Read as _,
};

use super::{
    Figures,
    cast::{NAMESPACES, OFFERS, object, partner_of, proposal},
    declared::Declared,
    edits::{Editor, edit},
    folder::{Texts, file_of},
    oracle::{Breach, Oracle, Rule, Step, rests},
    snapshot::Snapshot,
    world::{Command, Told, World},
};
use crate::simulation::chance::Chance;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

pub struct Sequence {
    pub world: World,
    pub oracle: Oracle,
    pub figures: Figures,
    chance: Chance,
    /// Batches that were shown, the newest last.
    shown: Vec<Digest>,
    last: Snapshot,
    /// The folder as it was when an input was last not refused.
    sound: Texts,
    is_refused: bool,
    seed: u64,
    story: String,
}

impl Sequence {
    pub async fn new(seed: u64) -> Self {
        let mut world = World::new().await;
        let last = world.snapshot().await;
        Self {
            world,
            oracle: Oracle::default(),
            figures: Figures::default(),
            chance: Chance::of(seed ^ 0xed17),
            shown: Vec::new(),
            last,
            sound: Texts::new(),
            is_refused: false,
            seed,
            story: String::new(),
        }
    }

    fn tell(&mut self, what: &str) {
        let hours = (self.world.now() - super::cast::start()) / MINUTE;
        writeln!(self.story, "{hours} min: {what}").unwrap();
    }

    /// Offers, some relationships that their customers accept, and some grants.
    pub async fn begin(&mut self) {
        for namespace in NAMESPACES {
            for name in OFFERS {
                let spec = proposal(partner_of(namespace), name);
                let offer = object("PartnerOffer", namespace, name, spec);
                self.world.folder.put(&file_of("PartnerOffer", namespace, name), &offer);
            }
            if !self.chance.one_in(3) {
                let mut editor = self.editor(&[]);
                let limits = editor.some_limits();
                editor.put_boundary(namespace, &limits);
            }
        }
        for _ in 0..3 {
            self.editor(&[]).add_relationship();
        }
        self.run(&Command::everything()).await;
        let pending = self.last.pending();
        for one in &pending {
            self.editor(std::slice::from_ref(one)).answer("Accept", 0);
        }
        for _ in 0..self.chance.between(4, 12) {
            self.editor(&[]).add_grant();
        }
        self.run(&Command::everything()).await;
    }

    fn editor<'a>(&'a mut self, pending: &'a [super::cast::Pending]) -> Editor<'a> {
        let now = self.world.now();
        Editor { folder: &mut self.world.folder, chance: &mut self.chance, now, pending }
    }

    /// Time, some edits, a run, and what is to be said of it.
    pub async fn step(&mut self) {
        let time = match self.chance.below(16) {
            0..=5 => self.chance.between(1, 20 * MINUTE),
            6..=9 => self.chance.between(HOUR / 2, 8 * HOUR),
            10 | 11 => self.chance.between(DAY, 20 * DAY),
            12 if self.chance.one_in(3) => self.chance.between(60 * DAY, 200 * DAY),
            _ => 0,
        };
        self.world.pass(time);
        if self.is_refused && !self.sound.is_empty() && !self.chance.one_in(10) {
            self.mend();
        }
        let many = if self.chance.one_in(3) { self.chance.between(2, 6) } else { 1 };
        let pending = self.last.pending();
        for _ in 0..many {
            let name = edit(&mut self.editor(&pending));
            *self.figures.edits.entry(name).or_default() += 1;
            self.tell(&format!("edit: {name}"));
        }
        if self.chance.one_in(8) {
            self.world.leave();
        }
        let command = self.command();
        self.run(&command).await;
    }

    /// What was refused is taken back.
    fn mend(&mut self) {
        let texts = self.sound.clone();
        self.world.folder.restore(&texts);
    }

    fn command(&mut self) -> Command {
        let namespace = self.chance.pick(&NAMESPACES).to_owned();
        let folders = match self.chance.below(12) {
            0 => vec!["boundaries".to_owned(), namespace],
            1 => vec![namespace],
            _ => Vec::new(),
        };
        let prunes = self.chance.one_in(3);
        let approve = match self.shown.last() {
            Some(newest) if self.chance.one_in(3) => BTreeSet::from([*newest]),
            Some(_) if self.chance.one_in(10) => BTreeSet::from([self.chance.pick(&self.shown)]),
            Some(_) | None => BTreeSet::new(),
        };
        Command { folders, absence: if prunes { Absence::Prune } else { Absence::Keep }, approve }
    }

    /// Runs, has it judged, and sometimes runs once more.
    pub async fn run(&mut self, command: &Command) {
        self.world.folder.commit();
        let before = self.last.at(self.world.now());
        let told = self.world.run(command).await;
        self.last = self.world.snapshot().await;
        self.figures.steps += 1;
        self.figures.changes += told.made.len();
        self.figures.batches += told.waiting.len();
        self.figures.approved += told.approved.len();
        self.figures.held +=
            self.last.written.values().map(std::collections::BTreeMap::len).sum::<usize>();
        self.tell_run(command, &told);
        self.is_refused = told.is_refused_input();
        if self.is_refused {
            self.figures.refused_inputs += 1;
        } else {
            self.sound.clone_from(&self.world.folder.texts);
        }
        self.shown.extend(told.waiting.iter().map(|waiting| waiting.hash));
        let declared = Declared::read(self.world.folder.objects(&command.folders));
        let step = Step {
            before: &before,
            after: &self.last,
            declared: &declared,
            prunes: command.absence == Absence::Prune,
            approves: command.approve.iter().map(Digest::to_string).collect(),
            told: &told,
        };
        let mut breaches = self.oracle.judge(&step);
        if self.chance.one_in(3) {
            self.figures.repeated += 1;
            let again = self.world.run_again(command).await;
            let after = self.world.snapshot().await;
            rests(&self.last, &after, &again, &mut breaches);
            self.last = after;
        }
        self.judged(&breaches);
    }

    fn tell_run(&mut self, command: &Command, told: &Told) {
        let Command { folders, absence, approve } = command;
        self.tell(&format!(
            "run {folders:?} {absence:?} approve {approve:?}: {} made, refused {:?}, problems {:?}",
            told.made.len(),
            told.refused,
            told.problems,
        ));
        for waiting in &told.waiting {
            self.tell(&format!("waits: {} of {}", waiting.members.len(), waiting.hash));
        }
    }

    /// Whatever does not hold ends the sequence, but for what is known.
    fn judged(&mut self, breaches: &[Breach]) {
        let (known, new): (Vec<&Breach>, Vec<&Breach>) =
            breaches.iter().partition(|breach| breach.is_known());
        for known in known.iter().flat_map(|breach| &breach.known) {
            *self.figures.known.entry(*known).or_default() += 1;
        }
        assert!(
            new.is_empty(),
            "seed {} (CONCORDAT_SEED={}):\n{}\n{new:#?}",
            self.seed,
            self.seed,
            self.story
        );
    }

    /// The ledger is a chain up to the head that the store keeps.
    pub async fn ledger_is_whole(&mut self) {
        let fault: Vec<Breach> = ledger_fault(&mut self.world).await.into_iter().collect();
        self.judged(&fault);
    }
}

/// What is wrong with the ledger.
pub async fn ledger_fault(world: &mut World) -> Option<Breach> {
    let reader = world.reader().await;
    let entries = reader.entries(0, u32::MAX).await.unwrap();
    let head = reader.head().await.unwrap();
    let mut verifier = Verifier::new([]);
    for entry in &entries {
        verifier.push(entry);
    }
    let fault = verifier.finish(Some(head)).fault?;
    Some(Breach::new(Rule::Ledger, fault.to_string()))
}

impl Command {
    /// The whole folder, and nothing else.
    pub fn everything() -> Self {
        Self { folders: Vec::new(), absence: Absence::Keep, approve: BTreeSet::new() }
    }
}

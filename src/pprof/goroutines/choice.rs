//! Which of several dumps is meant.

use super::{Dumps, GoroutineDump};

/// Which dumps of a text are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DumpChoice {
    /// The last large one of a kubelet; of anything where none is of a kubelet.
    #[default]
    Telling,
    /// The last one.
    Last,
    /// This one, counted from 1.
    Number(usize),
    /// All of them, added up.
    All,
}

impl std::str::FromStr for DumpChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "last" => Ok(Self::Last),
            "all" => Ok(Self::All),
            n => match n.parse() {
                Ok(n) if n > 0 => Ok(Self::Number(n)),
                _ => Err("expected last, all or a number from 1".to_owned()),
            },
        }
    }
}

/// There are fewer dumps than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchDump {
    /// Which was asked for.
    pub asked: usize,
    /// How many there are.
    pub have: usize,
}

impl Dumps {
    /// Indices of the dumps that are meant; none where there is no dump.
    ///
    /// # Errors
    /// When a number is asked for that no dump has.
    pub fn choose(&self, choice: DumpChoice) -> Result<Vec<usize>, NoSuchDump> {
        let have = self.list.len();
        Ok(match choice {
            DumpChoice::All => (0..have).collect(),
            DumpChoice::Last => have.checked_sub(1).into_iter().collect(),
            DumpChoice::Number(asked) => match asked.checked_sub(1).filter(|&i| i < have) {
                Some(i) => vec![i],
                None => return Err(NoSuchDump { asked, have }),
            },
            DumpChoice::Telling => self.telling().into_iter().collect(),
        })
    }

    /// A kubelet before anything unknown, that before other programs; what ended a process before what it recovered from; a
    /// dump of all goroutines before one of a few; then the last.
    fn telling(&self) -> Option<usize> {
        let rank = |d: &GoroutineDump| match &d.facts.program {
            Some(p) if p.has_kubelet => 0,
            None => 1,
            Some(_) => 2,
        };
        let recovered = |d: &GoroutineDump| d.facts.crash.as_ref().is_some_and(|c| c.recovered);
        let key = |d: &GoroutineDump| (rank(d), recovered(d));
        let best = self.list.iter().map(key).min()?;
        let of_best = || self.list.iter().enumerate().filter(|(_, d)| key(d) == best);
        let largest = of_best().map(|(_, d)| d.goroutines.len()).max()?;
        of_best()
            .filter(|(_, d)| d.goroutines.len() * 2 > largest)
            .map(|(i, _)| i)
            .next_back()
    }
}

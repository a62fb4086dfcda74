//! Generated and changed tokens: verdict and claims of this crate beside three verifiers that others wrote.
//!
//! `.ci/peers` installs them; `cargo test --all-features --test peers verifiers -- --ignored` runs these. `TOKENS` is the number
//! of tokens, 5,000 unless set, and `TOKENS_SEED` the seed, 1 unless set. The same seed makes the same tokens, but for the keys, the
//! times and the signatures. docs/ASSURANCE.md has the figures.
//!
//! | this crate | the others | result |
//! |---|---|---|
//! | accepts | all accept, with the same claims | equal |
//! | refuses | all refuse | both refuse |
//! | refuses, for a reason of `classes.txt` | one of them accepts | explained |
//! | accepts, for a reason of `classes.txt` | one of them refuses | explained |
//! | anything else | | a difference, which fails the test |

mod changes;
mod classes;
mod draft;
mod ours;
pub(crate) mod random;
mod theirs;
mod values;

use std::{
    collections::BTreeMap,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use tower_alb_auth::{AuthErrorKind, test_util::MockAlb};

use self::{
    classes::Classes,
    draft::Draft,
    ours::Ours,
    random::Random,
    theirs::{JsonWebToken, Peer},
};

/// Of all verifiers, in seconds.
const LEEWAY: u64 = 30;

const BATCH: usize = 500;

/// As many tokens have each class of difference among them.
const ENOUGH_FOR_EVERY_ROW: usize = 100_000;

/// The verifiers beside this crate, in the order of their verdicts.
const PEERS: [&str; 3] = ["jsonwebtoken", "jose", "PyJWT"];

/// The claims that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sub: Option<String>,
    /// This crate takes it from the JOSE header where the claims have none.
    pub iss: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub exp: Option<u64>,
}

/// The claims, or the verifier's own code of the error.
pub type Verdict = Result<Seen, String>;

struct Case {
    token: String,
    changes: Vec<&'static str>,
}

/// The token of a seed.
fn generated(seed: u64, albs: &[MockAlb; 3]) -> Case {
    let random = &mut Random::of(seed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut draft = Draft::sound(albs, now, random);
    let number = *random.of_list(&[0, 1, 1, 1, 1, 1, 1, 2]);
    let changes = (0..number).map(|_| changes::change(&mut draft, random)).collect();
    Case { token: draft.sign(albs, random), changes }
}

#[derive(Default)]
struct Tally {
    classes: Classes,
    outcomes: BTreeMap<&'static str, usize>,
    /// With the first token.
    differences: BTreeMap<String, (usize, String)>,
}

impl Tally {
    fn add(&mut self, case: &Case, ours: &Result<Seen, AuthErrorKind>, theirs: &[Verdict]) {
        match self.outcome(case, ours, theirs) {
            Ok(outcome) => *self.outcomes.entry(outcome).or_default() += 1,
            Err(what) => self.differences.entry(what).or_insert_with(|| (0, case.token.clone())).0 += 1,
        }
    }

    fn outcome(
        &mut self,
        case: &Case,
        ours: &Result<Seen, AuthErrorKind>,
        theirs: &[Verdict],
    ) -> Result<&'static str, String> {
        let Case { changes, .. } = case;
        let ours = match ours {
            Ok(ours) => ours,
            Err(_) if theirs.iter().all(Result::is_err) => return Ok("all refuse"),
            Err(kind) => {
                let accepted_by: Vec<_> =
                    PEERS.iter().zip(theirs).filter(|(_, verdict)| verdict.is_ok()).map(|(peer, _)| *peer).collect();
                if self.classes.explain("refused here", &format!("{kind:?}"), changes) {
                    return Ok("refused here, accepted by one of the others");
                }
                return Err(format!("refused here: {kind:?}, {changes:?}, accepted by {accepted_by:?}"));
            }
        };
        let mut refusals = 0;
        for (peer, theirs) in PEERS.iter().zip(theirs) {
            match theirs {
                Ok(theirs) => {
                    // Without `iss` in the claims it is that of the header.
                    let iss = ours.iss.clone().filter(|_| theirs.iss.is_some());
                    if (Seen { iss, ..ours.clone() }) != *theirs {
                        return Err(format!("other claims: {changes:?}, {peer}: {theirs:?}, here: {ours:?}"));
                    }
                }
                Err(error) if !self.classes.explain("accepted here", peer, changes) => {
                    return Err(format!("accepted here: {changes:?}, refused by {peer}: {error}"));
                }
                Err(_) => refusals += 1,
            }
        }
        match refusals {
            0 => Ok("all accept, with the same claims"),
            refusals if refusals < PEERS.len() => Ok("accepted here, refused by one or two of the others"),
            // More than an explanation of each refusal, unless it takes two changes.
            _ if self.classes.explain("accepted here", "all refuse", changes) => {
                Ok("accepted here, refused by all others")
            }
            _ if changes.len() > 1 => Ok("accepted here, refused by all others for two changes together"),
            _ => Err(format!("accepted here: {changes:?}, refused by all others: {theirs:?}")),
        }
    }
}

impl Tally {
    /// Fails if a class of difference has no row.
    fn check(&self, number: usize) {
        println!("{:#?}", self.outcomes);
        self.classes.print();
        for (what, (count, token)) in &self.differences {
            println!("{count:>8}  {what}\n          {token}");
        }
        assert_eq!(self.differences.len(), 0, "classes without a row in classes.txt");
        // Tokens that are all refused would show nothing.
        let share = |outcome: &str| self.outcomes.get(outcome).copied().unwrap_or_default() * 100 / number;
        assert!(share("all accept, with the same claims") >= 15 && share("all refuse") >= 15, "{:?}", self.outcomes);
    }
}

fn variable(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

#[tokio::test]
async fn s_136_verdict_and_claims_are_those_of_jsonwebtoken() {
    let albs = [MockAlb::new(), MockAlb::new(), MockAlb::new()];
    let (ours, jsonwebtoken) = (Ours::new(&albs), JsonWebToken::new(&albs));
    let mut tally = Tally::default();
    for seed in 1..=1_000 {
        let case = generated(seed, &albs);
        tally.add(&case, &ours.verdict(&case.token).await, &[jsonwebtoken.verdict(&case.token)]);
    }
    tally.check(1_000);
}

#[tokio::test]
#[ignore = "peer: jose and PyJWT by .ci/peers"]
async fn s_136_verdict_and_claims_are_those_of_three_other_verifiers() {
    let (number, seed) = (variable("TOKENS", 5_000), variable("TOKENS_SEED", 1));
    let albs = [MockAlb::new(), MockAlb::new(), MockAlb::new()];
    let (ours, jsonwebtoken) = (Ours::new(&albs), JsonWebToken::new(&albs));
    let (mut jose, mut pyjwt) = (Peer::jose(&albs), Peer::pyjwt(&albs));
    let mut tally = Tally::default();
    let mut random = Random::of(u64::try_from(seed).expect("64 bits"));
    let mut left = number;
    while left > 0 {
        let cases: Vec<Case> = (0..left.min(BATCH)).map(|_| generated(random.next(), &albs)).collect();
        left -= cases.len();
        let tokens: Vec<String> = cases.iter().map(|case| case.token.clone()).collect();
        let (jose, pyjwt) = thread::scope(|scope| {
            let jose = scope.spawn(|| jose.verdicts(&tokens));
            let pyjwt = scope.spawn(|| pyjwt.verdicts(&tokens));
            (jose.join().expect("verdicts"), pyjwt.join().expect("verdicts"))
        });
        for ((case, jose), pyjwt) in cases.iter().zip(jose).zip(pyjwt) {
            let verdict = ours.verdict(&case.token).await;
            tally.add(case, &verdict, &[jsonwebtoken.verdict(&case.token), jose, pyjwt]);
        }
    }
    println!("{number} tokens, seed {seed}");
    tally.check(number);
    if number >= ENOUGH_FOR_EVERY_ROW {
        assert_eq!(tally.classes.unused(), Vec::<String>::new(), "rows of classes.txt that explain nothing");
    }
}

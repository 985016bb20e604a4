//! `--faults`: which requests go wrong on purpose, and how. Equal seeds give equal faults to equal sequences of requests.

use std::hash::BuildHasher;

use anyhow::{Context, anyhow, bail};
use foldhash::fast::FixedState;
use hyper::StatusCode;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    Status(StatusCode),
    /// The connection is reset before anything is answered.
    Reset,
    /// The connection ends after half of the body.
    Cut,
    /// Half of the body comes, and then nothing until the client goes.
    Stall,
}

/// Shares of all requests, in millionths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    shares: Vec<(InjectedFault, u32)>,
    seed: u64,
}

const ALL: u32 = 1_000_000;

impl Faults {
    /// Reads such as `503=2%,429=1%,reset=0.5%,cut=1%,stall=1%,seed=7`.
    pub fn parse(spec: &str) -> anyhow::Result<Faults> {
        let mut faults = Faults {
            shares: Vec::new(),
            seed: 1,
        };
        for part in spec.split(',') {
            let pair = part.split_once('=');
            let (name, value) = pair.with_context(|| format!("{part:?}: expected NAME=SHARE"))?;
            if name == "seed" {
                faults.seed = value
                    .parse()
                    .map_err(|_| anyhow!("seed {value:?}: expected a number"))?;
                continue;
            }
            let status = || {
                let code = name.parse().ok().filter(|code| (400..600).contains(code))?;
                StatusCode::from_u16(code).ok().map(InjectedFault::Status)
            };
            let fault = match name {
                "reset" => InjectedFault::Reset,
                "cut" => InjectedFault::Cut,
                "stall" => InjectedFault::Stall,
                _ => status().with_context(|| {
                    format!("{name:?}: expected a status from 400 to 599, reset, cut, stall or seed")
                })?,
            };
            let share = share(value).with_context(|| format!("{value:?}: expected a share, such as 2% or 0.5%"))?;
            faults.shares.push((fault, share));
        }
        match faults.shares.iter().map(|(_, share)| u64::from(*share)).sum::<u64>() {
            0 => bail!("the shares are all 0"),
            sum if sum > u64::from(ALL) => bail!("the sum of the shares is more than 100%"),
            _ => Ok(faults),
        }
    }

    /// The fault of the request of this number, if it has one.
    pub fn draw(&self, request: u64) -> Option<InjectedFault> {
        let drawn = FixedState::with_seed(self.seed).hash_one(request);
        let mut place = ((u128::from(drawn) * u128::from(ALL)) >> 64) as u32;
        for (fault, share) in &self.shares {
            match place.checked_sub(*share) {
                None => return Some(*fault),
                Some(rest) => place = rest,
            }
        }
        None
    }
}

/// A percentage, in millionths.
fn share(text: &str) -> Option<u32> {
    let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
    let is_share = (0.0..=100.0).contains(&percent);
    is_share.then(|| (percent * f64::from(ALL) / 100.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_come_out_as_asked_and_equal_seeds_draw_alike() {
        let faults = Faults::parse("503=2%,reset=0.5%,cut=10%,seed=7").unwrap();
        let drawn: Vec<_> = (0..100_000).map(|request| faults.draw(request)).collect();
        let count = |wanted: Option<InjectedFault>| drawn.iter().filter(|fault| **fault == wanted).count();
        assert!((1_800..2_200).contains(&count(Some(InjectedFault::Status(StatusCode::SERVICE_UNAVAILABLE)))));
        assert!((400..600).contains(&count(Some(InjectedFault::Reset))));
        assert!((9_500..10_500).contains(&count(Some(InjectedFault::Cut))));
        assert!((86_500..88_500).contains(&count(None)));
        let again = Faults::parse("503=2%,reset=0.5%,cut=10%,seed=7").unwrap();
        assert!((0..1000).all(|request| again.draw(request) == faults.draw(request)));
        let other = Faults::parse("503=2%,reset=0.5%,cut=10%,seed=8").unwrap();
        assert!((0..1000).any(|request| other.draw(request) != faults.draw(request)));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for wrong in [
            "",
            "503",
            "503=2",
            "200=1%",
            "oops=1%",
            "cut=101%",
            "cut=-1%",
            "cut=60%,reset=60%",
            "seed=1",
            "cut=0%",
            "seed=x,cut=1%",
            "cut=NaN%",
        ] {
            assert!(Faults::parse(wrong).is_err(), "{wrong}");
        }
    }
}

//! What the client has from outside of it: the server's answers, threads to work on, chance. Only here can tests put a simulation
//! in place of the network, so that pacing, time limits and retries run as they are.

use reqwest::{Response, Url};
use tokio::task::JoinError;

use crate::retry;

pub(super) enum Surroundings {
    Real(reqwest::Client),
    #[cfg(test)]
    Simulated(SimulatedNetwork),
}

/// A network of which a seed decides everything.
#[cfg(test)]
pub struct SimulatedNetwork {
    pub answer: Box<dyn Fn(Url) -> futures::future::BoxFuture<'static, reqwest::Result<Response>> + Send + Sync>,
    /// Uniform in [0, 1).
    pub chance: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Surroundings {
    /// Sends a GET; the head of its answer, whose body is still to come.
    pub(super) async fn get(&self, url: Url) -> reqwest::Result<Response> {
        match self {
            Surroundings::Real(http) => http.get(url).send().await,
            #[cfg(test)]
            Surroundings::Simulated(network) => (network.answer)(url).await,
        }
    }

    /// Does work that takes long on another thread; simulated, at once, since threads come in any order.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        match self {
            Surroundings::Real(_) => tokio::task::spawn_blocking(work).await,
            #[cfg(test)]
            Surroundings::Simulated(_) => Ok(work()),
        }
    }

    /// A random number in [0, 1).
    pub(super) fn chance(&self) -> f64 {
        match self {
            Surroundings::Real(_) => retry::chance(),
            #[cfg(test)]
            Surroundings::Simulated(network) => (network.chance)(),
        }
    }
}

//! The builds of a period. Their list has no filter, so it is read from the newest until before the period; pages overlap by a few
//! rows, so that a build which is deleted or started meanwhile is noticed.

use std::collections::HashMap;

use crate::api::builds::{Build, BuildsPage};
use crate::api::client::ApiClient;
use crate::api::page::MAX_PAGE_ITEMS;
use crate::error::Result;
use crate::period::Millis;

/// Rows that a page has in common with the one before.
const OVERLAP: u64 = 3;
/// How often the list is read before it is left at that.
const WALKS: u32 = 2;
/// Most pages of a walk: more builds than any account has.
const MAX_PAGES: usize = 1000;

#[derive(Debug, Default)]
pub struct BuildsRead {
    /// Those that started in the period, in order of start and ID.
    pub builds: Vec<Build>,
    /// Whether some may be missing: the list changed each time it was read, or has items that are no builds.
    pub is_at_least: bool,
    /// What could not be read, in words.
    pub unknown: Vec<String>,
}

/// The account's list of builds, the newest first.
pub trait BuildsList: Sync {
    fn page(&self, offset: u64, limit: u64) -> impl Future<Output = Result<BuildsPage>> + Send;
}

impl BuildsList for ApiClient {
    fn page(&self, offset: u64, limit: u64) -> impl Future<Output = Result<BuildsPage>> + Send {
        self.builds(offset, limit)
    }
}

/// Reads the builds that started in `[from, to)`.
pub async fn read_builds(list: &impl BuildsList, (from, to): (Millis, Millis)) -> Result<BuildsRead> {
    let mut walked = BuildsWalk::default();
    for _ in 0..WALKS {
        walked = BuildsWalk::read(list, from).await?;
        if !walked.changed {
            break;
        }
    }
    let builds = walked.builds.into_values();
    let mut builds: Vec<Build> = builds
        .filter(|build| (from..to).contains(&build.started_at_ms))
        .collect();
    builds.sort_by(|a, b| (a.started_at_ms, &a.id).cmp(&(b.started_at_ms, &b.id)));
    Ok(BuildsRead {
        builds,
        is_at_least: walked.changed || walked.unreadable,
        unknown: walked.unknown,
    })
}

/// The list, read once from its begin to before a period.
#[derive(Default)]
struct BuildsWalk {
    builds: HashMap<String, Build>,
    /// Whether the list changed meanwhile, or isn't in order.
    changed: bool,
    unreadable: bool,
    unknown: Vec<String>,
}

impl BuildsWalk {
    async fn read(list: &impl BuildsList, from: Millis) -> Result<BuildsWalk> {
        let mut walk = BuildsWalk::default();
        let (mut offset, mut total, mut pages) = (0, None, 0);
        let mut last: Vec<String> = Vec::new();
        loop {
            let read = list.page(offset, MAX_PAGE_ITEMS).await?;
            pages += 1;
            walk.changed |= pages > 1 && read.total != total;
            total = read.total;
            let ids: Vec<String> = read.builds.iter().map(|build| build.id.clone()).collect();
            walk.changed |= !ids.starts_with(&last);
            walk.changed |= !read.builds.is_sorted_by(|a, b| a.started_at_ms >= b.started_at_ms);
            let is_before = read.builds.last().is_some_and(|build| build.started_at_ms < from);
            let is_end = read
                .total
                .map_or(read.count < MAX_PAGE_ITEMS, |total| offset + read.count >= total);
            let (known, count) = (walk.builds.len(), read.count);
            walk.receive(read);
            if is_before || is_end || count <= OVERLAP {
                break;
            }
            if walk.builds.len() == known || pages == MAX_PAGES {
                // A server that knows no offset, or a list without an end.
                walk.changed = true;
                break;
            }
            offset += count - OVERLAP;
            last = ids[ids.len().saturating_sub(OVERLAP as usize)..].to_vec();
        }
        if pages > 1 {
            walk.changed |= list.page(0, 1).await?.total != total;
        }
        Ok(walk)
    }

    fn receive(&mut self, page: BuildsPage) {
        self.unreadable |= (page.builds.len() as u64) < page.count;
        let new = page
            .unknown
            .into_iter()
            .filter(|problem| !self.unknown.contains(problem));
        let new: Vec<String> = new.collect();
        self.unknown.extend(new);
        self.builds
            .extend(page.builds.into_iter().map(|build| (build.id.clone(), build)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use proptest::prelude::*;

    fn build(at: u64) -> Build {
        Build {
            id: format!("b{at:05}"),
            act_id: None,
            status: "SUCCEEDED".into(),
            started_at_ms: at as Millis,
            finished_at_ms: None,
            usage: None,
            origin: None,
        }
    }

    /// A list of builds, and what happens to it before each request.
    struct ChangingList<F> {
        builds: Mutex<Vec<Build>>,
        asked: AtomicU32,
        before: F,
    }

    impl<F: Fn(u32, &mut Vec<Build>) + Sync> BuildsList for ChangingList<F> {
        async fn page(&self, offset: u64, limit: u64) -> Result<BuildsPage> {
            let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            let mut builds = self.builds.lock().unwrap();
            (self.before)(asked, &mut builds);
            let newest = builds.iter().rev().skip(offset as usize).take(limit as usize);
            let page: Vec<Build> = newest.cloned().collect();
            Ok(BuildsPage {
                total: Some(builds.len() as u64),
                count: page.len() as u64,
                builds: page,
                unknown: Vec::new(),
            })
        }
    }

    impl<F: Fn(u32, &mut Vec<Build>) + Sync> ChangingList<F> {
        fn of(count: u64, before: F) -> ChangingList<F> {
            ChangingList {
                builds: Mutex::new((0..count).map(build).collect()),
                asked: AtomicU32::new(0),
                before,
            }
        }

        fn read(&self, period: (Millis, Millis)) -> BuildsRead {
            read(self, period)
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    fn read(list: &impl BuildsList, period: (Millis, Millis)) -> BuildsRead {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read_builds(list, period)).unwrap()
    }

    fn starts(read: &BuildsRead) -> Vec<Millis> {
        read.builds.iter().map(|build| build.started_at_ms).collect()
    }

    #[test]
    fn one_page_is_one_request_and_nothing_beyond_the_period_is_asked_for() {
        let small = ChangingList::of(80, |_, _| {});
        assert_eq!(starts(&small.read((10, 20))), (10..20).collect::<Vec<_>>());
        assert_eq!(small.asked(), 1);
        // Pages of 1000 from the newest, 997 new ones each, and the total once more.
        let large = ChangingList::of(10_000, |_, _| {});
        let read = large.read((8500, 9000));
        assert_eq!((starts(&read), read.is_at_least), ((8500..9000).collect(), false));
        assert_eq!(large.asked(), 3);
        assert!(ChangingList::of(0, |_, _| {}).read((0, 9)).builds.is_empty());
    }

    #[test]
    fn a_deletion_meanwhile_is_noticed_and_read_again_and_one_each_time_is_told() {
        let once = ChangingList::of(3000, |asked, builds| {
            if asked == 2 {
                builds.remove(2500);
            }
        });
        let read = once.read((0, 3000));
        assert_eq!((read.builds.len(), read.is_at_least), (2999, false));
        let always = ChangingList::of(3000, |_, builds| {
            builds.remove(2500);
        });
        assert!(always.read((0, 3000)).is_at_least);
        // A deletion and a start hide each other from the total, not from the rows in common.
        let both = ChangingList::of(3000, |asked, builds| {
            if asked == 2 || asked == 7 {
                builds.remove(100);
                builds.push(build(9000 + u64::from(asked)));
            }
        });
        assert!(both.read((0, 3000)).is_at_least);
    }

    #[test]
    fn a_server_without_offsets_ends_and_is_told() {
        struct OnePage;
        impl BuildsList for OnePage {
            async fn page(&self, _: u64, _: u64) -> Result<BuildsPage> {
                Ok(BuildsPage {
                    total: Some(5000),
                    count: 1000,
                    builds: (4000..5000).rev().map(build).collect(),
                    unknown: Vec::new(),
                })
            }
        }
        let read = read(&OnePage, (0, 9000));
        assert_eq!((read.builds.len(), read.is_at_least), (1000, true));
    }

    proptest! {
        #[test]
        fn what_is_not_told_as_at_least_is_all_that_stayed(
            count in 0_u64..5000,
            events in prop::collection::vec((1_u32..14, 0_usize..5000, any::<bool>()), 0..4),
            (from, length) in (0_i64..5000, 0_i64..5000),
        ) {
            let deleted = Mutex::new(Vec::new());
            let account = ChangingList::of(count, |asked, builds| {
                for (at, place, is_deletion) in &events {
                    if *at != asked {
                        continue;
                    }
                    if *is_deletion && *place < builds.len() {
                        deleted.lock().unwrap().push(builds.remove(*place).started_at_ms);
                    } else if !is_deletion {
                        let newest = 10_000 + builds.len() as u64 + u64::from(asked) * 100;
                        builds.push(build(newest));
                    }
                }
            });
            let read = account.read((from, from + length));
            let read_starts = starts(&read);
            prop_assert!(read_starts.is_sorted());
            if !read.is_at_least {
                let deleted = deleted.lock().unwrap();
                for start in (from..from + length).filter(|start| (*start as u64) < count) {
                    prop_assert!(read_starts.contains(&start) || deleted.contains(&start), "{start} is missing");
                }
            }
        }
    }
}

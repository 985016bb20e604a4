//! The Rust client `apify-client` as scripts/check clients drives it: a plan as JSON on stdin, an answer a step as a line of JSON on
//! stdout. Knows nothing of what is right: that check judges.

use apify_client::{
    ActorListOptions, ApifyClient, ApifyClientError, ApifyClientResult, ListIterator, ListOptions, PaginationList,
    RunListOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Plan {
    url: String,
    token: Option<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    r#do: String,
    what: String,
    id: Option<String>,
    actor: Option<String>,
    task: Option<String>,
    #[serde(default)]
    options: Options,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    offset: Option<i64>,
    limit: Option<i64>,
    desc: Option<bool>,
    #[serde(default)]
    status: Vec<String>,
    started_after: Option<String>,
    started_before: Option<String>,
}

impl Options {
    fn page(&self) -> ListOptions {
        ListOptions {
            offset: self.offset,
            limit: self.limit,
            desc: self.desc,
        }
    }

    fn actors(&self) -> ActorListOptions {
        ActorListOptions {
            offset: self.offset,
            limit: self.limit,
            desc: self.desc,
            ..Default::default()
        }
    }

    fn filter(&self) -> RunListOptions {
        RunListOptions {
            status: self.status.clone(),
            started_after: self.started_after.clone(),
            started_before: self.started_before.clone(),
            ..Default::default()
        }
    }
}

fn page<T: Serialize>(page: PaginationList<T>) -> Value {
    json!({
        "total": page.total, "offset": page.offset, "limit": page.limit, "count": page.count, "desc": page.desc,
        "items": page.items,
    })
}

async fn all<T: Serialize>(mut items: ListIterator<T>) -> ApifyClientResult<Value> {
    let mut found = Vec::new();
    while let Some(item) = items.next().await? {
        found.push(json!(item));
    }
    Ok(json!(found))
}

async fn take(client: &ApifyClient, step: &Step) -> ApifyClientResult<Value> {
    let options = &step.options;
    let id = step.id.as_deref().unwrap_or_default();
    let runs = || match (&step.actor, &step.task) {
        (Some(actor), _) => client.actor(actor).runs(),
        (_, Some(task)) => client.task(task).runs(),
        _ => client.runs(),
    };
    match (step.r#do.as_str(), step.what.as_str()) {
        ("list", "runs") => runs().list(options.page(), options.filter()).await.map(page),
        ("iterate", "runs") => all(runs().iterate(options.page(), options.filter())).await,
        ("list", "actors") => client.actors().list(options.actors()).await.map(page),
        ("iterate", "actors") => all(client.actors().iterate(options.actors())).await,
        ("list", "tasks") => client.tasks().list(options.page()).await.map(page),
        ("iterate", "tasks") => all(client.tasks().iterate(options.page())).await,
        ("get", "run") => client.run(id).get().await.map(|found| json!(found)),
        ("get", "actor") => client.actor(id).get().await.map(|found| json!(found)),
        ("get", "task") => client.task(id).get().await.map(|found| json!(found)),
        ("get", "me") => client.me().get().await.map(|found| json!(found)),
        ("get", "limits") => client.me().limits().await,
        (what, of) => panic!("no such step: {what} {of}"),
    }
}

fn told(error: &ApifyClientError) -> Value {
    let api = error.as_api_error();
    json!({
        "status": api.map(|error| error.status_code),
        "type": api.and_then(|error| error.error_type.clone()),
        "message": error.to_string(),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let plan: Plan = serde_json::from_reader(std::io::stdin()).expect("a plan on stdin");
    let mut client = ApifyClient::builder().base_url(plan.url);
    if let Some(token) = plan.token {
        client = client.token(token);
    }
    let client = client.build();
    for step in &plan.steps {
        let answer = match take(&client, step).await {
            Ok(value) => json!({ "value": value }),
            Err(error) => json!({ "error": told(&error) }),
        };
        println!("{answer}");
    }
}

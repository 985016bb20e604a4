// The JavaScript client `apify-client` as scripts/check clients drives it: a plan as JSON on stdin, an answer a step as a line of JSON on
// stdout. Knows nothing of what is right: that check judges.
"use strict";
const fs = require("fs");
const { ApifyClient } = require("apify-client");

const plan = JSON.parse(fs.readFileSync(0, "utf8"));
const client = new ApifyClient({ baseUrl: plan.url, token: plan.token ?? undefined });

function collection(step) {
    if (step.what !== "runs") return client[step.what]();
    if (step.actor) return client.actor(step.actor).runs();
    if (step.task) return client.task(step.task).runs();
    return client.runs();
}

// Instants as the client's own type, where the plan says so.
function options(step) {
    const given = { ...step.options };
    for (const name of step.native ? ["startedAfter", "startedBefore"] : []) {
        if (given[name]) given[name] = new Date(given[name]);
    }
    return given;
}

async function take(step) {
    if (step.do === "list") return await collection(step).list(options(step));
    if (step.do === "iterate") {
        const items = [];
        for await (const item of collection(step).list(options(step))) items.push(item);
        return items;
    }
    if (step.what === "me") return await client.user("me").get();
    if (step.what === "limits") return await client.user("me").limits();
    return (await client[step.what](step.id).get()) ?? null;
}

(async () => {
    for (const step of plan.steps) {
        let answer;
        try {
            answer = { value: await take(step) };
        } catch (error) {
            answer = { error: { status: error.statusCode ?? null, type: error.type ?? null, message: `${error.name}: ${error.message}` } };
        }
        console.log(JSON.stringify(answer));
    }
})();

"use strict";
// Narrows the page to some of its runs: adds up the cells that it holds (page_cube.rs) and asks nobody. Amounts are BigInt, in
// 10^-18 dollars; only where a bar lies is a double. The state is the fragment of the address.
const byId = (id) => document.getElementById(id);
const find = (selector, within = document) => within.querySelector(selector);
const findAll = (selector, within = document) => within.querySelectorAll(selector);
const data = JSON.parse(byId("cube").textContent);

// Numbers and words, as money.rs, text.rs and display_text.rs write them.
const ONE = 10n ** 18n;
const size = (n) => (n < 0n ? -n : n);
const thousands = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const counted = (n, one) => `${thousands(n)} ${one}${n === 1 ? "" : "s"}`;
// part / all in units of 10^-places, half-even; null where there is nothing to divide.
function ratio(part, all, places) {
	if (part === null || !all) return null;
	const scaled = size(part) * 10n ** BigInt(places), by = size(all), twice = (scaled % by) * 2n, down = scaled / by;
	const units = twice > by || (twice === by && down % 2n) ? down + 1n : down;
	return part < 0n === all < 0n ? units : -units;
}
function fixed(units, places) {
	if (units === null) return "";
	const digits = String(size(units)).padStart(places + 1, "0");
	return `${units < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
const exact = (usd) => fixed(usd, 18).replace(/\.?0+$/, "");
function dollars(usd) {
	const cents = ratio(size(usd), ONE / 100n, 0), sign = usd < 0n ? "-" : "";
	return usd && !cents ? `${sign}<$0.01` : `${sign}$${thousands(cents / 100n)}.${String(cents % 100n).padStart(2, "0")}`;
}
const percent = (part, all) => fixed(ratio(part, all, 3), 1).replace(/$/, (_, at) => (at ? "%" : ""));
const HIDDEN = /[\p{Cc}\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u3164\uffa0]|(?![\u200c\u200d])\p{Cf}/gu;
const visible = (text) => text.replace(/^[\p{M}\p{Cf}]*$/u.test(text) ? /./gsu : HIDDEN, (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`);
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const width = (letter) => (/[\p{M}\u200c\u200d]/u.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1);
function short(text, most = 80) {
	const letters = [...visible(text.slice(0, 400))].slice(0, 200), isWide = letters.reduce((sum, letter) => sum + width(letter), 0) > most;
	let room = most - 1;
	const shown = isWide ? letters.slice(0, letters.findIndex((letter) => (room -= width(letter)) < 0)) : letters;
	return shown.join("") + (isWide || [...text].length > 200 ? "…" : "");
}
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// Dates, as days since 1970.
const toDate = (day) => new Date(day * 864e5).toISOString().slice(0, 10);
// No date of the calendar is no day: V8 reads 31 February as 3 March.
function toDay(text) {
	const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) / 864e5 : NaN;
	return day && toDate(day) === text ? day : NaN;
}
const FIRST = toDay(data.from), END = toDay(data.to);
const UNITS = {
	day: { start: (day) => day, next: (day) => day + 1 },
	week: { start: (day) => day - ((day + 3) % 7), next: (day) => day + 7 },
	month: { start: (day) => toDay(`${toDate(day).slice(0, 7)}-01`), next: (day) => UNITS.month.start(day + 31) },
};
const periodName = (unit, day) => toDate(day).slice(0, unit === "month" ? 7 : 10);

// The cells, once.
const VALUES = { actor: data.actors.map(([id]) => id), day: data.days, status: data.statuses, group: data.groups };
const KEYS = ["group", "status", "day", "actor"];
const usdOf = data.usd.split(" ").map(BigInt);
const [actor, day, status, group, isProvisional, unknownOf] = Array.from({ length: 6 }, () => new Uint32Array(usdOf.length));
const placeOf = { group, status, day, actor };
for (const [cell, runs] of data.unknown) unknownOf[cell] = runs;
let last = 0;
data.steps.forEach((step, cell) => {
	let place = (last += step);
	isProvisional[cell] = place % 2;
	place = Math.floor(place / 2);
	for (const key of KEYS) {
		const length = VALUES[key].length + (key === "actor" || !VALUES[key].length);
		placeOf[key][cell] = place % length;
		place = Math.floor(place / length);
	}
});
const dayNumbers = data.days.map(toDay);
const ends = data.statuses.map((status) => (["SUCCEEDED", "FAILED", "TIMED-OUT", "ABORTED"].indexOf(status) + 5) % 5);

// By how runs ended, and at 5 once more those of provisional cost: runs, those of unknown cost, dollars of the others.
class Sum {
	runs = [0, 0, 0, 0, 0, 0];
	unknown = [0, 0, 0, 0, 0, 0];
	usd = [0n, 0n, 0n, 0n, 0n, 0n];
	put(end, runs, unknown, usd) {
		this.runs[end] += runs;
		this.unknown[end] += unknown;
		this.usd[end] += usd;
	}
	add(cell) {
		this.put(ends[placeOf.status[cell]], data.runs[cell], unknownOf[cell], usdOf[cell]);
		if (isProvisional[cell]) this.put(5, data.runs[cell], unknownOf[cell], usdOf[cell]);
	}
	and(sum) {
		sum.runs.forEach((runs, end) => this.put(end, runs, sum.unknown[end], sum.usd[end]));
		return this;
	}
	// Of those that ended so; dollars are null where no cost is known.
	of(...ends) {
		const all = (of, zero) => ends.reduce((sum, end) => sum + of[end], zero);
		const runs = all(this.runs, 0), unknown = all(this.unknown, 0);
		return { runs, unknown, usd: runs > unknown ? all(this.usd, 0n) : null };
	}
}
const rowOf = (key, place, sum, name = null) => ({ key, place, sum, name, all: sum.of(0, 1, 2, 3, 4), bad: sum.of(1, 2, 3), doubt: sum.of(5) });
const sumOf = (rows) => rowOf("", null, rows.reduce((all, row) => all.and(row.sum), new Sum()));
const dearer = (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : compare(b, a));

function addUp(filter) {
	const from = filter.from ?? FIRST, to = filter.to ?? END, isWanted = {}, sums = {}, cells = [];
	for (const key of KEYS) {
		const places = { length: VALUES[key].length + 1 };
		isWanted[key] = Array.from(places, (_, at) => (key === "day" ? dayNumbers[at] >= from && dayNumbers[at] < to : !filter[key].length || filter[key].includes(at)));
		sums[key] = Array.from(places, () => new Sum());
	}
	for (let cell = 0; cell < usdOf.length; cell += 1) {
		if (!KEYS.every((key) => isWanted[key][placeOf[key][cell]])) continue;
		cells.push(cell);
		for (const key of KEYS) sums[key][placeOf[key][cell]].add(cell);
	}
	const withRuns = (rows) => rows.filter((row) => row.all.runs);
	const rows = (key) => {
		const all = VALUES[key].map((value, at) => rowOf(value, at, sums[key][at], key === "actor" ? data.actors[at][1] : null));
		return withRuns(all).sort((a, b) => dearer(a.all.usd, b.all.usd) || compare(a.key, b.key));
	};
	const periods = (unit) => {
		const starts = new Map();
		sums.day.slice(0, -1).forEach((sum, at) => {
			const start = UNITS[unit].start(dayNumbers[at]);
			starts.set(start, (starts.get(start) ?? new Sum()).and(sum));
		});
		return withRuns([...starts].map(([start, sum]) => rowOf(periodName(unit, start), start, sum)));
	};
	const found = { from, to, cells, periods, actor: rows("actor"), status: rows("status"), group: rows("group") };
	return { ...found, totals: sumOf(found.status), others: withRuns([rowOf("", null, sums.actor.at(-1), "all other Actors")]) };
}

const NONE = { from: null, to: null, actor: [], status: [], group: [] };
const LISTS = { actor: "Actors", status: "Statuses", group: "Groups" };
// The period's own edges are no filter.
const between = (filter, from, to) => ({ ...filter, from: from <= FIRST ? null : from, to: to >= END ? null : to });
function fragmentOf(filter) {
	const encoded = (key, at) => encodeURIComponent(VALUES[key][at]).replace(/'/g, "%27");
	return Object.keys(NONE).flatMap((key) => {
		const values = key in LISTS ? filter[key].toSorted((a, b) => a - b).map((at) => encoded(key, at)) : filter[key] === null ? [] : [toDate(filter[key])];
		return values.length ? [`${key}=${values.join(",")}`] : [];
	}).join("&");
}
function parse(fragment) {
	const filter = { ...NONE }, ignored = [];
	const read = (key, raw) => {
		const value = decodeURIComponent(raw), day = toDay(value);
		if (!(key in LISTS)) return day >= FIRST && day <= END && ((filter[key] = day), true);
		// As with --where, an Actor's name means those that are called so.
		const isIt = (one, at) => one && [one, key === "actor" ? data.actors[at][1] : null].includes(key === "status" ? value.toUpperCase() : value);
		const found = VALUES[key].flatMap((one, at) => (isIt(one, at) ? [at] : []));
		filter[key] = [...new Set([...filter[key], ...found])];
		return found.length;
	};
	for (const part of fragment.split("&").filter(Boolean)) {
		const [, key, values] = /^([^=]*)=?(.*)$/s.exec(part);
		for (const raw of values.split(",")) {
			try {
				if (Object.hasOwn(NONE, key) && read(key, raw)) continue;
			} catch {
				// Not UTF-8.
			}
			ignored.push(`${key}=${raw}`);
		}
	}
	const from = filter.from ?? FIRST, to = filter.to ?? END;
	if (from < to) return { filter: between(filter, from, to), ignored };
	return { filter: between(filter, FIRST, END), ignored: [...ignored, "from and to"] };
}

// Columns by their names in files: a count, an amount, or the two of which it is the ratio.
const COLUMNS = {
	runs: (row) => row.all.runs,
	runs_unsuccessful: (row) => row.bad.runs,
	runs_cost_unknown: (row) => row.all.unknown,
	runs_provisional: (row) => row.doubt.runs,
	runs_unsuccessful_cost_unknown: (row) => row.bad.unknown,
	usage_total_usd: (row) => row.all.usd,
	usage_unsuccessful_usd: (row) => row.bad.usd,
	usage_provisional_usd: (row) => row.doubt.usd,
	share: (row, totals) => [row.all.usd, totals.all.usd],
	share_of_actor_usage: (row) => [row.bad.usd, row.all.usd],
	mean_usd: (row) => [row.all.usd, BigInt(row.all.runs - row.all.unknown) * ONE],
	builds: (row) => (data.builds[row.place]?.[0] ? BigInt(data.builds[row.place][0]) : null),
};
["succeeded", "failed", "timed_out", "aborted", "other"].forEach((end, at) => {
	COLUMNS[`runs_${end}`] = (row) => row.sum.runs[at];
	COLUMNS[`usage_${end}_usd`] = (row) => row.sum.of(at).usd;
});
const valueOf = (name, row, totals) => (name.startsWith("layer") ? row.layers[name.slice(5) - 1] ?? 0n : COLUMNS[name](row, totals));
// Reports of some Actors alone: of which, and in which order.
const PARTS = {
	unsuccessful_by_actor: { has: (row) => row.bad.runs, order: (a, b) => dearer(a.bad.usd, b.bad.usd) },
	unsettled_by_actor: {
		has: (row) => row.all.unknown + row.doubt.runs,
		order: (a, b) => b.all.unknown - a.all.unknown || b.doubt.runs - a.doubt.runs,
	},
};

// CSV as csv.rs writes it; people's text is defused as in text.rs.
const FORMULA = /^'*(?:[\t\r\n]|[\s\p{Cc}\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f]*[=+\-@＝＋－＠﹦﹢﹣﹫])/u;
const defused = (text) => text.replace(FORMULA, "'$&");
function csvOf(columns, rows, totals) {
	const text = (row, name, at) => {
		if (name === "act_name") return defused(row.name ?? "");
		if (!at) return name === "group" ? defused(row.key) : row.key;
		const value = valueOf(name, row, totals);
		return Array.isArray(value) ? fixed(ratio(...value, 6), 6) : typeof value === "number" ? `${value}` : exact(value);
	};
	const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
	return [columns, ...rows.map((row) => columns.map((name, at) => text(row, name, at)))].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function set(element, attributes) {
	for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
	return element;
}
function make(tag, attributes = {}, ...children) {
	const isShape = /^(svg|rect|line|text|title)$/.test(tag);
	const element = set(isShape ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag), attributes);
	element.append(...children);
	return element;
}
const say = (element, text) => element.textContent === text || (element.textContent = text);
const bdi = (text, most = 80) => make("bdi", { title: text.length > most ? visible(text.slice(0, 300)) : null }, short(text, most));
function button(child, listener, attributes = {}) {
	const element = make("button", { type: "button", ...attributes }, child);
	element.onclick = () => listener(element);
	return element;
}
const link = (place, id, child) => (place ? make("a", { href: place + encodeURIComponent(id) }, child) : child);
const amount = (usd) => (usd === null ? make("i", {}, "unknown") : make("span", { title: exact(usd) }, dollars(usd)));
const table = (caption, heads, rows) => {
	const line = (tag, cells) => make("tr", {}, ...cells.map((cell, at) => make(at ? tag : "th", at ? { class: "n" } : {}, cell)));
	return make("table", {}, make("caption", {}, caption), make("thead", {}, line("th", heads)), make("tbody", {}, ...rows.map((row) => line("td", row))));
};

function cellOf({ name, kind }, row, totals) {
	const value = valueOf(name, row, totals), cell = make("td", { class: name === "builds" ? "n builds" : kind });
	if (typeof value === "number") cell.append(thousands(value));
	else if (name === "mean_usd") cell.append(fixed(ratio(...value, 6), 6).replace(/\d/, "$$$&"));
	// Rounded twice, as where its file is shown.
	else if (name === "share_of_actor_usage") cell.append(percent(ratio(...value, 6), 1_000_000n));
	else if (name === "share") {
		const text = percent(...value), width = Math.min(Math.max((Number(value[0]) / Number(value[1])) * 100, 0), 100);
		const rect = () => make("rect", { width: `${width.toFixed(2)}%`, height: 8 });
		if (text) cell.append(make("svg", { class: "bar", "aria-hidden": true }, rect()), make("span", { class: "part" }, text));
	} else {
		const isNothing = name.startsWith("layer") ? value === 0n : !row.all.runs, builds = name === "builds" && data.builds[row.place];
		const absent = isNothing ? "–" : /^usage_(total|unsuccessful)/.test(name) || builds ? "unknown" : "";
		cell.dataset.usd = exact(value);
		if (value === null || isNothing) cell.append(make("i", {}, absent));
		else cell.append(dollars(value));
		if (cell.dataset.usd && !isNothing) cell.title = cell.dataset.usd;
		if (builds) cell.append(make("small", {}, counted(builds[1], "build")));
	}
	return cell;
}
function narrowed(by, { place }) {
	if (by in LISTS) return { ...state.filter, [by]: [place] };
	return between(state.filter, Math.max(place, state.found.from), Math.min(UNITS[by].next(place), state.found.to));
}

class LiveTable {
	constructor(section) {
		this.columns = section.dataset.columns.split(" ");
		this.by = this.columns[0].replace("act_id", "actor");
		this.part = PARTS[section.id];
		this.isChart = section.id === "cost_by_day";
		this.opens = section.id === "cost_by_actor";
		this.open = new Set();
		this.table = find("table", section);
		this.copied = make("span", { role: "status" });
		this.more = button("", () => this.show(!this.isWhole));
		this.tools = make("div", { class: "tools" }, button("Copy as CSV", () => this.copy()), this.more, this.copied);
		this.table.parentElement.after(this.tools);
		this.heads = [...this.table.tHead.rows[0].cells].map((head, at) => {
			head.replaceChildren(button(head.textContent, () => this.sortBy(at), { class: "sort" }));
			return { head, name: head.dataset.column, kind: head.className };
		});
	}
	rows() {
		const { by, part } = this, rows = by in UNITS ? state.found.periods(by) : state.found[by], others = by === "actor" ? state.found.others : [];
		if (!part) return [rows, others];
		return [rows.filter(part.has).sort((a, b) => part.order(a, b) || compare(a.key, b.key)), others.filter(part.has)];
	}
	sortBy(at) {
		this.sort = { at, falls: this.sort?.at === at ? !this.sort.falls : at > 0 };
		this.show();
	}
	sorted(rows, totals) {
		const { at, falls } = this.sort, value = (row) => (at ? valueOf(this.heads[at].name, row, totals) : (row.name ?? row.key).toLowerCase());
		const isKnown = ([one]) => one !== null && one[0] !== null;
		const order = ([a], [b]) => (Array.isArray(a) ? compare(a[0] * b[1], b[0] * a[1]) : compare(a, b));
		const pairs = rows.map((row) => [value(row), row]), known = pairs.filter(isKnown).sort(falls ? (a, b) => order(b, a) : order);
		// The unknown comes last, whichever way.
		return [...known, ...pairs.filter((pair) => !isKnown(pair))].map(([, row]) => row);
	}
	nameOf(row) {
		const { by } = this, isId = by === "actor" && row.name === null, text = bdi(row.name ?? row.key, by === "status" ? 24 : 80);
		if (!row.key) return [make("i")];
		const narrow = (element) => change(narrowed(this.isChart ? state.chart.unit : by, row), element);
		const parts = [button(isId ? make("code", {}, text) : text, narrow, { class: "to" })];
		if (row.name !== null) parts.push(make("small", {}, bdi(row.key)));
		const label = `Details of ${text.textContent}`, toggle = () => this.show((this.open.delete(row.key) || this.open.add(row.key)) && this.isWhole);
		if (this.opens) parts.unshift(button("", (element) => keeping(element, toggle), { class: "opens", "aria-expanded": this.open.has(row.key), "aria-label": label }));
		return parts;
	}
	line(kind, name, row, without = []) {
		const cells = this.heads.slice(1).map((head) => (without.includes(head.name) ? make("td", { class: head.kind }) : cellOf(head, row, state.found.totals)));
		return make("tr", { class: kind || null, "data-key": kind ? null : row.key }, make("th", { scope: "row" }, ...name), ...cells);
	}
	show(isWhole = this.isWhole) {
		const { found, chart } = state;
		let [rows, others] = this.rows();
		this.isWhole = isWhole;
		if (this.isChart) rows = chart.bars;
		if (this.sort) rows = this.sorted(rows, found.totals);
		const shown = isWhole || this.isChart || rows.length <= 21 ? rows.length : 20, rest = [...rows.slice(shown), ...others];
		const lines = rows.slice(0, shown).flatMap((row) => {
			const line = this.line("", this.nameOf(row), row);
			return this.open.has(row.key) ? [line, make("tr", { class: "detail" }, make("td", { colspan: this.heads.length }, ...detailsOf(row, found)))] : [line];
		});
		// How many runs those have of Actors that share cells of which only some are in this table, no cell tells.
		if (rest.length) lines.push(this.line("rest", [others.length ? "all others" : counted(rest.length, "other")], sumOf(rest), this.part && [others.length && "runs", "share_of_actor_usage"]));
		lines.push(this.line("total", ["Total"], { ...found.totals, layers: chart?.sums }, this.part && ["runs"]));
		this.table.tBodies[0].replaceChildren(...lines);
		if (this.isChart) say(this.heads[0].head.firstChild, chart.unit === "week" ? "week (from Monday)" : chart.unit);
		this.heads.forEach(({ head }, at) => head.setAttribute("aria-sort", this.sort?.at === at ? (this.sort.falls ? "descending" : "ascending") : "none"));
		say(this.more, isWhole ? "Show 20 rows" : `Show all ${thousands(rows.length)} rows`);
		this.more.hidden = this.isChart || rows.length <= 21;
		say(this.copied, "");
	}
	// A page from disk may have no clipboard: then the text stands there to be copied.
	async copy() {
		const text = csvOf(this.columns, this.rows().flat(), state.found.totals), area = make("textarea", { readonly: "", rows: 6, "aria-label": "CSV" });
		find("textarea", this.tools)?.remove();
		try {
			await navigator.clipboard.writeText(text);
			say(this.copied, "Copied.");
		} catch {
			area.value = text;
			this.tools.append(area);
			area.select();
			say(this.copied, "Selected: copy it.");
		}
	}
}

function detailsOf(actor, found) {
	const by = (key) => {
		const sums = VALUES[key].map(() => new Sum());
		for (const cell of found.cells) if (placeOf.actor[cell] === actor.place) sums[placeOf[key][cell]].add(cell);
		const rows = sums.map((sum, at) => ({ text: VALUES[key][at], ...sum.of(0, 1, 2, 3, 4) })).filter(({ runs }) => runs);
		return table(`By ${key}`, [key, "usage", "runs"], rows.map(({ text, usd, runs }) => [bdi(text, 24), amount(usd), thousands(runs)]));
	};
	const runs = (data.dearest[actor.place] ?? []).map(([id, status, started, usd]) => {
		const when = new Date(started).toISOString().slice(0, 16).replace("T", " ");
		return [link(data.runs_at, id, make("code", {}, bdi(id, 24))), amount(BigInt(usd)), bdi(VALUES.status[status], 24), when];
	});
	const dearest = table("Most expensive runs, not filtered", ["run", "usage", "status", "started, UTC"], runs),
		parts = make("div", { class: "parts" }, by("day"), by("status"), dearest);
	return data.actors_at ? [parts, link(data.actors_at, actor.key, "Open in Apify Console")] : [parts];
}

// The chart, as chart.rs and scale.rs draw it.
const figure = find("#cost_by_day figure");
function chartOf(found) {
	const length = found.to - found.from, unit = length <= 62 ? "day" : length <= 400 ? "week" : "month", { start, next } = UNITS[unit];
	const top = found.actor.slice(0, found.actor.length > 7 || found.others.length ? 6 : 7);
	const rest = [...found.actor.slice(top.length), ...found.others];
	const layers = top.map((row) => ({ name: row.name ?? row.key, usd: row.all.usd }));
	if (rest.length) layers.push({ name: found.others.length ? "all others" : counted(rest.length, "other"), isRest: true, usd: sumOf(rest).all.usd });
	const rows = new Map(found.periods(unit).map((row) => [row.place, row])), bars = [], barOf = new Map();
	for (let day = start(found.from); day < found.to; day = next(day)) {
		barOf.set(day, bars.length);
		bars.push({ ...(rows.get(day) ?? { ...sumOf([]), key: periodName(unit, day), place: day }), layers: layers.map(() => 0n), usd: 0n });
	}
	const layerOf = new Map(top.map((row, at) => [row.place, at])), barOfDay = dayNumbers.map((day) => bars[barOf.get(start(day))]);
	for (const cell of found.cells) {
		const bar = barOfDay[placeOf.day[cell]];
		bar.layers[layerOf.get(placeOf.actor[cell]) ?? layers.length - 1] += usdOf[cell];
		bar.usd += usdOf[cell];
	}
	return { unit, bars, layers, sums: layers.map((_, at) => bars.reduce((sum, bar) => sum + bar.layers[at], 0n)) };
}
function scaleOf(largest) {
	const rounds = Array.from({ length: 111 }, (_, at) => [1n, 2n, 5n][at % 3] * 10n ** BigInt(Math.floor(at / 3)));
	const step = largest ? rounds.find((round) => round * 5n >= largest) : ONE, steps = largest ? (largest + step - 1n) / step : 1n;
	const places = step % ONE ? Math.max(exact(step).length - 2, 2) : 0;
	const words = (usd) => `$${thousands(usd / ONE)}${places ? fixed(usd % ONE, 18).slice(1, 2 + places) : ""}`;
	return { top: step * steps, marks: Array.from({ length: Number(steps) + 1 }, (_, at) => BigInt(at) * step), words };
}
function showChart({ unit, bars, layers }, { totals }) {
	const largest = bars.reduce((most, bar) => (bar.usd > most ? bar.usd : most), 0n), scale = scaleOf(largest);
	const across = (places) => `${((places * 100) / bars.length).toFixed(3)}%`;
	const tall = (usd) => (Number(usd) / Number(scale.top)) * 220, y = (height) => (230 - height).toFixed(1);
	const [axis, plot] = findAll(".axis, .plot", figure), colour = (at) => `c${layers[at].isRest ? 6 : at}`;
	axis.replaceChildren(...scale.marks.map((usd) => make("text", { x: 64, y: y(tall(usd)), dy: 4 }, scale.words(usd))));
	const parts = scale.marks.map((usd, at) => make("line", { class: at ? "mark" : "base", x1: 0, x2: "100%", y1: y(tall(usd)), y2: y(tall(usd)) }));
	bars.forEach((bar, place) => {
		let below = 0;
		bar.layers.forEach((usd, at) => {
			if (usd <= 0n) return;
			below += tall(usd);
			const rect = { class: colour(at), x: across(place + 0.11), width: across(0.78), y: y(below), height: tall(usd).toFixed(1) };
			parts.push(make("rect", rect, make("title", {}, `${bar.key} · ${short(layers[at].name, 40)} · ${dollars(usd)}`)));
		});
	});
	const least = Math.ceil(bars.length / 9), step = least > 2 && unit === "day" ? Math.ceil(least / 7) * 7 : least;
	for (let at = 0; at < bars.length; at += step) {
		const [, date, month, year] = new Date(bars[at].place * 864e5).toUTCString().split(" ");
		const words = unit === "month" ? `${month} ${year}` : `${+date} ${month}`;
		parts.push(make("text", { class: (at / step) % 2 ? "minor" : null, x: across(at + 0.5), y: 249 }, words));
	}
	plot.replaceChildren(...findAll(":scope > title, :scope > desc", plot), ...parts, chosenDays);
	find(".legend", figure).replaceChildren(...layers.map(({ name, usd }, at) => {
		const square = make("svg", { width: 12, height: 12, "aria-hidden": true }, make("rect", { class: colour(at), width: 12, height: 12 }));
		return make("li", {}, square, make("span", {}, `${at + 1}. `, bdi(name, 40)), make("b", {}, amount(usd)), make("span", { class: "muted" }, percent(usd, totals.all.usd)));
	}));
	const dearest = bars.findLast((bar) => bar.usd === largest), most = largest ? `, the most expensive is ${dearest.key} with ${dollars(largest)}` : "";
	const words = `${bars.filter((bar) => bar.all.runs).length} of ${bars.length} ${unit}s have runs${most}. The table below has all figures.`;
	for (const element of findAll("desc, figcaption span", figure)) say(element, words);
}
// Dragging over bars chooses their days; the dates above do the same for a keyboard.
const chosenDays = make("rect", { class: "chosen", height: 0 });
function listenToChart(plot) {
	let start = null;
	const barAt = ({ clientX }) => {
		const { left, width } = plot.getBoundingClientRect(), { length } = state.chart.bars;
		return Math.min(Math.max(Math.floor(((clientX - left) / width) * length), 0), length - 1);
	};
	const span = (event) => [start, barAt(event)].sort((a, b) => a - b);
	plot.onpointermove = (event) => {
		if (start === null) return;
		const [low, high] = span(event), share = 100 / state.chart.bars.length;
		set(chosenDays, { x: `${low * share}%`, width: `${(high - low + 1) * share}%`, height: 230 });
	};
	plot.onpointerdown = (event) => {
		if (event.button) return;
		start = barAt(event);
		plot.setPointerCapture(event.pointerId);
		plot.onpointermove(event);
	};
	plot.onpointerup = plot.onpointercancel = (event) => {
		if (start === null) return;
		const { unit, bars } = state.chart, [low, high] = span(event).map((at) => narrowed(unit, bars[at]));
		start = null;
		set(chosenDays, { height: 0 });
		if (event.type === "pointerup") change({ ...low, to: high.to }, plot);
	};
}

// Head and tiles, as head.rs says them.
const atLeast = ({ all, doubt }) => (data.lacks_runs || all.unknown + doubt.runs ? "at least" : "");
function showHead({ all, bad, doubt, sum }) {
	const usage = byId("usage"), line = find(".exact"), isKnown = all.usd !== null;
	usage.dataset.usd = exact(all.usd);
	say(usage.firstChild, isKnown && atLeast({ all, doubt }) ? "Usage, at least" : "Usage");
	usage.lastChild.data = isKnown ? dollars(all.usd) : all.runs ? "unknown" : "none";
	line.hidden = !isKnown;
	say(line.firstElementChild, exact(all.usd));
	byId("runs").dataset.runs = all.runs;
	const part = (runs, of) => (all.runs ? percent(BigInt(runs), BigInt(all.runs)) + of : "");
	const words = [
		thousands(all.runs), part(sum.runs[0], " succeeded"),
		!bad.runs ? "none" : bad.usd === null ? "unknown" : dollars(bad.usd), [counted(bad.runs, "run"), percent(bad.usd, all.usd).replace("%", "% of usage")].filter(Boolean).join(", "),
		thousands(all.unknown), part(all.unknown, " of runs"),
		thousands(doubt.runs), part(doubt.runs, " of runs"),
	];
	findAll(".tiles b, .tiles span").forEach((element, at) => say(element, words[at]));
}

const nameIn = (key, at) => (key === "actor" && data.actors[at][1]) || VALUES[key][at];
const warn = (text) => say(byId("filter-ignored"), text);
function listenToFilters() {
	const [from, to] = ["filter-from", "filter-to"].map(byId);
	from.onchange = to.onchange = () => {
		const first = toDay(from.value || data.from), end = toDay(to.value || data.to);
		if (first >= FIRST && end <= END && first < end) change(between(state.filter, first, end));
		else warn(`Choose two days from ${data.from} to ${data.to}.`);
	};
	for (const key of Object.keys(LISTS)) {
		const pick = byId(`filter-${key}`), list = find("ul", pick);
		pick.hidden = !VALUES[key].length;
		// Made when it is asked for: there may be thousands.
		pick.ontoggle = () => {
			const box = (at) => make("label", {}, make("input", { type: "checkbox", name: key, value: at }), bdi(nameIn(key, at), 60));
			const item = (value, at) => make("li", { hidden: value ? null : "" }, box(at));
			if (!list.firstChild) list.append(...VALUES[key].map(item));
			showFilter(state.filter, state.found);
		};
		pick.oninput = ({ target: { type, value, checked } }) => {
			const has = (at) => `${VALUES[key][at]} ${nameIn(key, at)}`.toLowerCase().includes(value.trim().toLowerCase());
			if (type === "search") return [...list.children].forEach((item, at) => (item.hidden = !has(at)));
			const kept = state.filter[key].filter((at) => at !== +value);
			change({ ...state.filter, [key]: checked ? [...kept, +value] : kept });
		};
		pick.onkeydown = (event) => {
			if (event.key !== "Escape") return;
			pick.open = false;
			pick.firstElementChild.focus();
		};
		document.addEventListener("pointerdown", ({ target }) => pick.contains(target) || (pick.open = false));
	}
	byId("filter-reset").onclick = () => change(NONE);
}
// The sentence is also what screen readers are told, and what is printed.
function showFilter(filter, { totals }) {
	const parts = [], { all } = totals;
	for (const [key, word] of [["from", "from"], ["to", "before"]]) {
		byId(`filter-${key}`).value = filter[key] === null ? data[key] : toDate(filter[key]);
		if (filter[key] !== null) parts.push(`${word} ${toDate(filter[key])}`);
	}
	for (const [key, word] of Object.entries(LISTS)) {
		const chosen = filter[key], pick = byId(`filter-${key}`), names = chosen.map((at) => short(nameIn(key, at), 40));
		say(find("b", pick), names.length > 1 ? thousands(names.length) : names[0] ?? "all");
		for (const box of findAll("[type=checkbox]", pick)) box.checked = chosen.includes(+box.value);
		if (names.length) parts.push(`${word}: ${short(names.join(", "), 240)}`);
	}
	const usage = all.usd === null ? "usage unknown" : `${atLeast(totals)} ${dollars(all.usd)}`;
	const result = all.runs ? `${usage}, ${counted(all.runs, "run")}` : "no runs";
	document.body.classList.toggle("filtered", parts.length > 0);
	say(byId("filter-told"), parts.length ? `Filter: ${parts.join("; ")}. Result: ${result.trim()}.` : "No filter: all runs.");
}

// Where `serve` shows the page: the way to other dates, with the filter but for its days, and to the tables as files, which follow the
// filter. The fields keep the dates of their page, for Back leads to it.
const dates = byId("dates");
if (dates) dates.onsubmit = () => {
	location = `?${new URLSearchParams(new FormData(dates))}${find("#periods a").hash}`;
	return dates.reset() ?? false;
};

const state = { filter: NONE };
const tables = [...findAll("[data-columns]")].map((section) => new LiveTable(section));
function apply(filter) {
	Object.assign(state, { filter, found: addUp(filter) });
	showFilter(filter, state.found);
	showHead(state.found.totals);
	for (const way of findAll("[data-query]")) way.search = way.dataset.query + fragmentOf(filter);
	for (const way of findAll("#periods a")) way.hash = fragmentOf({ ...filter, from: null, to: null });
	if (figure) showChart((state.chart = chartOf(state.found)), state.found);
	for (const table of tables) table.show();
}
// What was clicked stays in its place and keeps the focus, also where its row was made anew.
function keeping(element, what) {
	const section = element?.closest("section"), key = element?.closest("tr")?.dataset.key, top = element?.getBoundingClientRect().top;
	what();
	const now = !element || element.isConnected ? element : [...findAll(`.${element.className}`, section)].find((other) => other.closest("tr").dataset.key === key);
	if (!now) return;
	window.scrollBy(0, now.getBoundingClientRect().top - top);
	now.focus({ preventScroll: true });
}
function change(filter, element) {
	const fragment = fragmentOf(filter);
	warn("");
	if (fragment === fragmentOf(state.filter)) return showFilter(filter, state.found);
	history.pushState({ fragment }, "", `#${fragment}`);
	keeping(element, () => apply(filter));
}
// The name of a section is no filter: such an entry of the history keeps the filter that it came with.
function follow() {
	const fragment = location.hash.slice(1), isAnchor = fragment && !fragment.includes("="), text = isAnchor ? history.state?.fragment : fragment;
	if (text === undefined) return history.replaceState({ fragment: fragmentOf(state.filter) }, "");
	const { filter, ignored } = parse(text);
	warn(ignored.length ? `Not on this page: ${short(ignored.join("; "), 240)}.` : "");
	if (fragmentOf(filter) !== fragmentOf(state.filter)) apply(filter);
}
listenToFilters();
if (figure) listenToChart(find(".plot", figure));
byId("filters").hidden = false;
apply(NONE);
follow();
window.onhashchange = follow;

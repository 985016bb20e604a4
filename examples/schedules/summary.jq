# An outcome (--outcome) as a few lines of Markdown. Unknown values are null in the outcome, and left out here.
"### \(.command): \(.exit_name) (exit \(.exit_code))",
"",
(.error // empty),
(.totals // empty
    | (if .runs_cost_unknown > 0 then "at least " else "" end) as $least
    | if .usage_total_usd == null then "\(.runs) runs, no known cost" else "\(.runs) runs, \($least)$\(.usage_total_usd)" end),
(.caveats // [] | .[] | "- \(.)")

// A day that has been: copies of what the server has just written, moved back in time, while it does not run.

const SECOND = 1e6; // The store counts in microseconds.
const MINUTE = 60 * SECOND;
const HALF_HOUR = 30 * MINUTE;

// A notification each so often; the newest of the day came so long before now.
const EVERY = 5 * MINUTE;
const NEWEST = 4 * MINUTE;
const COUNT = 280;
// The turnstiles have not answered since.
const REFUSED_FOR = 160 * MINUTE;

// How long answers of each take, in milliseconds, and which of them are errors.
const MANNERS = {
  accounting: { typical: 40, wrong: () => false },
  newsletter: { typical: 230, wrong: (at) => at % 97 === 5 },
  gate: { typical: 12, wrong: () => false },
  crm: { typical: 420, wrong: (at) => (at > 60 && at < 75) || at % 11 === 3 },
};

export async function dayBefore(place, webhooks) {
  const now = Date.now() * 1000;
  const notifications = await place.sql("SELECT id, action_type, event FROM notifications ORDER BY id");
  const first = notifications[0].id;
  const log = await logTables(place);
  const statements = [];
  const tallies = new Map();
  const samples = Object.fromEntries(
    await Promise.all(Object.entries(webhooks).map(async ([name, id]) => [name, await sample(place, log, id)])),
  );
  for (let at = 0; at < COUNT; at += 1) {
    const like = notifications[(at * 5) % notifications.length];
    const [id, time] = [first - 1 - at, now - NEWEST - at * EVERY - (chance(at) % MINUTE)];
    statements.push(copyOfNotification(like.id, id, time));
    for (const [name, manners] of Object.entries(MANNERS)) {
      const { good, bad, hears } = samples[name];
      if (!hears.includes(like.action_type)) continue;
      if (name === "gate" && at * EVERY < REFUSED_FOR) {
        statements.push(waits(webhooks[name], id, time, now), copyOfAttempt(log, webhooks[name], bad, id, time, 600));
        tally(tallies, webhooks[name], time, false);
        continue;
      }
      const wrong = manners.wrong(at);
      const took = manners.typical * (500 + (chance(at) % 1100)) * (wrong ? 3 : 1);
      statements.push(...copyOfDelivery(log, webhooks[name], { good, bad: wrong && bad }, id, time, took));
      if (wrong) tally(tallies, webhooks[name], time, false, took);
      tally(tallies, webhooks[name], time, true, took);
    }
  }
  for (const row of tallies.values()) statements.push(written(row));
  const since = now - REFUSED_FOR;
  statements.push(`UPDATE lanes SET failing_since = ${since}, first_failed = ${since} WHERE webhook = ${webhooks.gate}`);
  statements.push(`UPDATE log_segments SET first_id = 0 WHERE number = ${log.number}`);
  await place.sql(`BEGIN; ${statements.join(";\n")}; COMMIT;`);
}

// The log has a table for each day. The newest one gets all copies.
async function logTables(place) {
  const segments = await place.sql("SELECT number FROM log_segments WHERE removed = 0 ORDER BY number DESC");
  const names = segments.map(({ number }) => `attempts_${number}`);
  return {
    number: segments[0].number,
    newest: names[0],
    all: `(${names.map((name) => `SELECT * FROM ${name}`).join(" UNION ALL ")})`,
  };
}

// One attempt of each kind, and what a webhook hears.
async function sample(place, log, webhook) {
  const rows = await place.sql(
    `SELECT min(id) AS id, return_code BETWEEN 200 AND 299 AS good FROM ${log.all} WHERE webhook = ${webhook} GROUP BY 2`,
  );
  const [{ action_types: hears }] = await place.sql(`SELECT action_types FROM webhooks WHERE id = ${webhook}`);
  const of = (wanted) => (rows || []).find(({ good }) => good === wanted)?.id;
  return { good: of(1), bad: of(0), hears: JSON.parse(hears) };
}

function copyOfNotification(like, id, time) {
  return `INSERT INTO notifications (id, organizer, action_type, event, published_at, shape, body, subject, deliveries, data, audience)
    SELECT ${id}, organizer, action_type, event, ${time}, shape, CAST(json_set(body, '$.notification_id', ${id}) AS BLOB), subject,
    deliveries, data, audience FROM notifications WHERE id = ${like}`;
}

// Delivered at once, or at the second try.
function copyOfDelivery(log, webhook, { good, bad }, id, time, took) {
  const tries = bad ? 2 : 1;
  const ended = time + took + (bad ? 6 * SECOND : 0);
  return [
    `INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at, settled_at, how)
      VALUES (${webhook}, ${id}, ${tries}, ${tries}, ${time}, ${time}, ${ended}, 'delivered')`,
    ...(bad ? [copyOfAttempt(log, webhook, bad, id, time, took)] : []),
    copyOfAttempt(log, webhook, good, id, ended - took, took, tries),
  ];
}

function waits(webhook, id, time, now) {
  return `INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
    VALUES (${webhook}, ${id}, 1, 1, ${time}, ${now + 5 * MINUTE})`;
}

function copyOfAttempt(log, webhook, like, id, time, took, number = 1) {
  return `INSERT INTO ${log.newest} (webhook, id, notification, action_type, event, target_url, number, started_at, duration_us,
      return_code, failure, reason, request_headers, response_headers, payload, response_body, failure_detail, request_template, response_template)
    SELECT webhook, ${time + took}, ${id}, action_type, event, target_url, ${number}, ${time}, ${took}, return_code, failure, reason,
      request_headers, response_headers, payload, response_body, failure_detail, request_template, response_template
    FROM ${log.all} WHERE webhook = ${webhook} AND id = ${like}`;
}

// The sums that the server keeps beside the attempts.
function tally(tallies, webhook, time, good, took) {
  const half = Math.floor(time / HALF_HOUR);
  const key = `${webhook}/${half}`;
  const row = tallies.get(key) ?? { webhook, half, succeeded: 0, failed: 0, bins: new Map() };
  row[good ? "succeeded" : "failed"] += 1;
  if (took) row.bins.set(bin(took), (row.bins.get(bin(took)) ?? 0) + 1);
  tallies.set(key, row);
}

// Four to an octave from 250 µs on.
function bin(took) {
  return Math.max(0, Math.floor(4 * Math.log2(took / 250)) + 1);
}

function written({ webhook, half, succeeded, failed, bins }) {
  const times = Buffer.from([...bins].sort(([one], [other]) => one - other).flat()).toString("hex");
  return `INSERT INTO tallies (webhook, half_hour, succeeded, failed, times)
    VALUES (${webhook}, ${half}, ${succeeded}, ${failed}, x'${times}')
    ON CONFLICT DO UPDATE SET succeeded = succeeded + ${succeeded}, failed = failed + ${failed}`;
}

// Different for each number, and the same each time.
function chance(number) {
  return ((number + 1) * 2654435761) % 1_000_003;
}

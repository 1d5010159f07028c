# The webhooks of an organizer, and one of them.
webhooks-none = No webhooks yet
webhooks-what = A webhook tells another system when something happens here: it sends an HTTP request to its URL at once.
webhooks-create = Create webhook
webhooks-state = State
webhooks-target = Target URL
webhooks-types = Action types
webhooks-events = Events:
webhooks-all-events = All
webhooks-no-events = none, only what concerns no event
webhooks-more = { $count ->
    [one] and one more
   *[other] and { $count } more
  }
webhooks-last = Last response
webhooks-never = none yet
webhooks-rate = Last 24 h
webhooks-day = { $count ->
    [0] Nothing was sent in the last 24 hours.
    [one] { $succeeded } of 1 attempt succeeded in the last 24 hours.
   *[other] { $succeeded } of { $count } attempts succeeded in the last 24 hours.
  }
webhooks-waiting = Waiting
webhooks-edit = Edit
webhooks-edit-one = Edit { $what }
webhooks-previous = Previous
webhooks-next = Next

status-unused = Not used yet
status-renewed = Enabled
status-healthy = Working
status-unsteady = Unsteady
status-refusing = Refuses some
status-paused = Paused
status-failing = Failing
status-disabled = Disabled
status-gone = Disabled: answered 410
status-failures = Disabled: failed

diagnosis-unused = Nothing has been sent to { $host } yet.
diagnosis-renewed = Nothing has been sent to { $host } since the webhook was enabled or its address was changed.
diagnosis-healthy = All is well: { $host } accepted the last notification on { $at }.
diagnosis-fails = The server at { $what } keeps failing
diagnosis-failing = { $fault } since { $at }.
diagnosis-wobbling = { $count ->
    [one] { $fault }: one attempt has failed since { $at }.
   *[other] { $fault }: { $count } attempts have failed since { $at }.
  }
diagnosis-only-one = { $count ->
    [one] { $fault }: one attempt has failed since { $at }, of notification { $notification }.
   *[other] { $fault }: { $count } attempts have failed since { $at }, all of notification { $notification }. Others may go through.
  }
diagnosis-refusing = The server at { $host } accepts notifications, but refuses these action types: { $types }.
diagnosis-refusing-advice = If it does not want them, edit the webhook and take them out, or have the server answer 200. The others are not delayed.
diagnosis-paused = The server at { $host } asked us to wait until { $at }.
diagnosis-off = This webhook was disabled by hand on { $at }. Nothing is sent.
diagnosis-gone = The server at { $host } answered 410, which means that it wants no more. So the webhook was disabled on { $at }.
diagnosis-given-up = { $fault }. After too many failures in a row the webhook was disabled on { $at }.
diagnosis-waits = { $count ->
    [one] One notification waits.
   *[other] { $count } notifications wait.
  }
diagnosis-held = { $count ->
    [one] One notification is held, for up to three days.
   *[other] { $count } notifications are held, for up to three days.
  }
diagnosis-next = Next try in { $what }.
diagnosis-next-now = The next try is now.

webhook-enable = Enable
webhook-disable = Disable
webhook-delete = Delete
webhook-resend = Send again since …
webhook-secret = Secret
webhook-queue = { $count ->
    [one] notification waiting
   *[other] notifications waiting
  }
webhook-queue-show = Show them
webhook-expedite = Retry now
webhook-drop = Stop retrying
webhook-last-hour = Success, last 60–90 min
webhook-last-day = Success, last 24 h
webhook-median = Median response time
webhook-percentile-95 = 95th percentile
webhook-oldest = Oldest waiting for
webhook-next = Next attempt
webhook-now = now
webhook-in = in { $what }
webhook-plot = The last 24 hours
webhook-plot-outcomes = Attempts per half hour
webhook-plot-times = Response times per half hour
webhook-times = Half of the responses took no longer than { $median }, 95 of 100 no longer than { $tail }.
webhook-plot-begin = 24 h ago
webhook-plot-middle = 12 h ago
webhook-plot-end = now
webhook-plot-figures = The same in figures
webhook-plot-half = Half hour from
webhook-succeeded = Succeeded
webhook-failed = Failed
webhook-facts = Action types, events and settings
webhook-headers = Extra headers
webhook-limits = Limits
webhook-per-second = { $count ->
    [one] one request per second
   *[other] { $count } requests per second
  }
webhook-concurrency = { $count ->
    [one] one request at a time
   *[other] { $count } requests at a time
  }
webhook-timeout = a response within { $what } s
webhook-signatures = Signatures
webhook-contacts = Contacts

deliveries = Deliveries
deliveries-by-state = Deliveries by state
deliveries-waiting = Waiting
deliveries-delivered = Delivered
deliveries-given-up = Given up
deliveries-dropped = Dropped
deliveries-none = There are none.
deliveries-attempts = Attempts

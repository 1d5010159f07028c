# Notifications: what was published, and what came of it.
notifications-why = Everything that was published, newest first. Each notification is owed once to every webhook that it concerns.
notifications-id = Number
notifications-action-type = Action type
notifications-event = Event
notifications-since = From
notifications-until = Until
notifications-find = Find
notifications-all = Show all
notifications-when = When
notifications-deliveries = Deliveries
notifications-erased = erased
notifications-wrong = Some filters are not valid. They are marked below.
notifications-no-such = There is no notification with this number.
notifications-none = Nothing has been published yet.
notifications-none-found = Nothing matches these filters.

notification = Notification { $what }
notification-subject = Person concerned
notification-matched = { $count ->
    [0] No enabled webhook matched when it was published.
    [one] One enabled webhook matched when it was published.
   *[other] { $count } enabled webhooks matched when it was published.
}
notification-data = Data
notification-data-why = As it was published. The log of each webhook shows what its receiver got.
notification-erased = The data of this notification has been erased. There is nothing left to show or to send.
notification-replay = Replay
notification-replay-why = The notification is owed again to every enabled webhook that matches now, whatever came of it before. Receivers get it with the same webhook-id, and may ignore it as a repetition.
notification-replay-nobody = No enabled webhook matches now: there is nobody to send it to.
notification-replay-told = { $count ->
    [one] One webhook will get it:
   *[other] { $count } webhooks will get it:
}
said-notification-replayed = { $count ->
    [0] No enabled webhook matches now: nobody gets it.
    [one] The notification is on its way again, to one webhook.
   *[other] The notification is on its way again, to { $count } webhooks.
}

notified-webhook = Webhook
notified-state = State
notified-attempts = Attempts
notified-attempts-count = { $count ->
    [0] none yet
    [one] one attempt
   *[other] { $count } attempts
}
notified-scheduled = Scheduled
notified-held = Held back
notified-delivered = Delivered
notified-given-up = Given up
notified-dropped = Dropped
notified-held-webhook = The webhook is switched off.
notified-held-receiver = The receiver keeps failing. The delivery goes out once it answers properly again.
notified-tries-used-up = Its twelve attempts are used up.
notified-days-over = Its three days are over.
notified-by-hand = Somebody dropped it.
notified-erased = The person’s data was erased.

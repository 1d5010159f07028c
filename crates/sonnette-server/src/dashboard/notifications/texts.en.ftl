# Notifications: what was published, and what came of it.
notifications-help = Everything that was published, newest first. Each notification is delivered once to every webhook that matches.
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
notifications-filter-invalid = Some filters are not valid. They are marked below.
notifications-not-found = There is no notification with this number.
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
notification-data-help = As it was published. The log of each webhook shows what its receiver got.
notification-erased = The data of this notification has been erased. There is nothing left to show or to send.
notification-replay = Replay
notification-replay-help = The notification is sent again to every enabled webhook that matches now, even if it was delivered before. Receivers get it with the same webhook-id, and may ignore it as a repetition.
notification-replay-none = No enabled webhook matches now. Nothing would be sent.
notification-replay-webhooks = { $count ->
    [one] One webhook will get it:
   *[other] { $count } webhooks will get it:
}
flash-notification-replayed = { $count ->
    [0] No enabled webhook matches now. Nothing was sent.
    [one] The notification is on its way again, to one webhook.
   *[other] The notification is on its way again, to { $count } webhooks.
}

notification-delivery-webhook = Webhook
notification-delivery-state = State
notification-delivery-attempts = Attempts
notification-delivery-attempts-count = { $count ->
    [0] none yet
    [one] one attempt
   *[other] { $count } attempts
}
notification-delivery-scheduled = Scheduled
notification-delivery-held = Held back
notification-delivery-delivered = Delivered
notification-delivery-given-up = Given up
notification-delivery-dropped = Dropped
notification-delivery-held-webhook = The webhook is disabled.
notification-delivery-held-restore = This server was restored from a backup. The delivery is sent once its operator resumes deliveries.
notification-delivery-held-receiver = The receiver keeps failing. The delivery is sent once the receiver succeeds again.
notification-delivery-tries-used-up = Its twelve attempts are used up.
notification-delivery-days-over = Its three days are over.
notification-delivery-by-hand = Somebody dropped it.
notification-delivery-erased = The person’s data was erased.

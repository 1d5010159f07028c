# Testing a webhook, sending again, enabling and disabling, its secret.
action-error-summary = Nothing was done. Please correct what is marked below.

test = Test webhook
test-help = A test sends the example of an action type to this webhook only, whether it is enabled or not. It counts neither towards the webhook’s health nor towards disabling it.
test-type = Action type
test-own = Sent to this webhook
test-others = Others
test-send = Send test
test-show = Show example
test-example = Example

test-result-redirect = It leads to { $what }
test-result-reason = Technical reason:
test-result-action-type = Action type:
test-result-body = Its response begins
test-result-unsigned = The signature of this test was made with a one-time secret. It can be verified once the webhook is saved.
test-result-log = See the whole attempt in the log

resend = Send again
resend-off = The webhook is disabled: nothing can be sent.
resend-since = Published since
resend-utc = In UTC.
resend-until = Until
resend-until-help = Empty: until now.
resend-what = What to send again
resend-undelivered = What was not delivered
resend-undelivered-help = Waiting deliveries are sent now; those that were given up or dropped are tried again for three days.
resend-missed = What was missed while the webhook was off
resend-missed-help = What would have been sent to it, had it been enabled.
resend-error-time = Enter a date and time.
resend-error-order = The end must not be before the beginning.
resend-error-nothing = Choose at least one.
resend-first = Count first
resend-recount = Count again
resend-count = { $count ->
    [0] There is nothing to send again in this period.
    [one] One delivery would be sent again.
   *[other] { $count } deliveries would be sent again.
}
resend-send = { $count ->
    [one] Send 1 again
   *[other] Send { $count } again
}

drop = Stop retrying
drop-waiting = { $count ->
    [0] Nothing is waiting for this webhook.
    [one] One delivery is waiting. It will never be sent.
   *[other] { $count } deliveries are waiting. They will never be sent.
}
drop-again = What is dropped can be sent again for as long as the log is kept.

enable = Enable webhook
enable-off-since = The webhook has been off since
enable-nothing-waits = Nothing is waiting for it.
enable-waiting = { $count ->
    [one] One delivery is waiting
   *[other] { $count } deliveries are waiting
}
enable-send = Send what is waiting now
enable-drop = Drop what is waiting
enable-missed = Also send what it missed since then
enable-missed-help = What was published while it was off, and would have been sent to it.

disable = Disable webhook
disable-holds = Nothing is sent any more. What is waiting is held until you enable the webhook again.
disable-misses = What is published meanwhile is not sent to it, but can be sent afterwards.

delete = Delete webhook
delete-stops = The webhook is disabled: nothing is sent to it any more.
delete-waiting = { $count ->
    [0] Nothing is waiting for it.
    [one] One delivery is waiting. It will be dropped.
   *[other] { $count } deliveries are waiting. They will be dropped.
}
delete-stays = The webhook stays in the list with its log, and can be enabled again.

secret = Signing secret
secret-help = Every request is signed with it. The receiver verifies the signature, so that nobody else can send it anything.
secret-current = Secret
secret-show = Show
secret-previous = The previous secret also signs, until
secret-show-previous = Show the previous secret
secret-public-key = Public key
secret-change = Change the secret
secret-change-creads = The header X-Partners-Signature has one signature only: after a change it is made with the new secret at once.
secret-change-help = After a change, the previous secret goes on signing for 24 hours, so that the receiver can switch over without losing anything.
secret-own = Set a secret of your own
secret-own-help = whsec_ followed by the base64 text of 24 to 64 bytes.
secret-own-set = Set secret
secret-invalid = Enter whsec_ followed by the base64 text of 24 to 64 bytes.
rotate = New secret
rotate-new = A new secret is generated at random.
rotate-day = The current secret goes on signing beside it for 24 hours: give the new one to the receiver by then.
rotate-key = The key pair is new as well; the current public key goes on verifying for 24 hours.

samples = A receiver to start from
samples-help = Each verifies the signature, ignores what it has already seen, and answers 200.
samples-must = A receiver of your own has to verify the signature over the body as it came, before anything parses it, and answer with a status from 200 to 299 within 30 seconds. It has to remember each webhook-id, since the same notification may come more than once.
samples-languages = Languages

flash-retried = It is sent again now.
flash-resent = { $count ->
    [0] There was nothing to send again.
    [one] One delivery is being sent again.
   *[other] { $count } deliveries are being sent again.
}
flash-expedited = { $count ->
    [0] Nothing was waiting.
    [one] One delivery is due now.
   *[other] { $count } deliveries are due now.
}
flash-expedited-failing = { $count ->
    [one] One delivery is due now, but the webhook keeps failing: see below what came of it.
   *[other] { $count } deliveries are due now, but the webhook keeps failing: one goes first, and the rest follow once it succeeds.
}
flash-dropped = { $count ->
    [0] Nothing was waiting.
    [one] One delivery was dropped.
   *[other] { $count } deliveries were dropped.
}
flash-enabled = The webhook is enabled.
flash-enabled-already = The webhook was enabled already.
flash-enabled-missed = { $count ->
    [0] The webhook is enabled. It had missed nothing.
    [one] The webhook is enabled. One delivery that it missed is being sent.
   *[other] The webhook is enabled. { $count } deliveries that it missed are being sent.
}
flash-disabled = The webhook is disabled.
flash-deleted = The webhook is deleted: it is off, and stays readable.
flash-secret-set = The secret is changed. The previous one goes on signing for 24 hours.
flash-secret-rotated = There is a new secret. The previous one goes on signing for 24 hours.
conflict-secrets-overlap = The previous secret still signs, so that the receiver can change over. The secret can be replaced again 24 hours after the last change.

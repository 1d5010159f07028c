# Around every page.
skip = Skip to the content
other-organizers = all organizers
account = Account
all-users = All users
log-out = Log out
pages = Pages

tab-webhooks = Webhooks
tab-log = Log
tab-notifications = Notifications
tab-catalogue = Action types
tab-tokens = Tokens
tab-users = Users
tab-settings = Settings
tab-audit = Changes

permission-webhooks = webhooks
permission-publish = publish
permission-organizer = organizer

error-not-found = This page does not exist
error-not-found-help = It may never have existed, or it belongs to somebody else.
error-unknown-organizer = There is no organizer “{ $what }”, or you have no access to it. The front page lists your organizers; an operator can give you access to others.
error-portal-over = Your session has ended
error-portal-over-help = Please open this page again from the platform you came from. If this appears every time, your browser does not keep our cookie: in a frame on another site, these pages need HTTPS.
error-forbidden = You may not open this page
error-forbidden-permission = It needs the permission “{ $what }”, which you do not have.
error-forbidden-operators = It is for the operators of this server only.
error-ask = These people can give it to you:
error-ask-operator = Please ask the operator of this server.
error-stale = Please try again
error-stale-help = The form was too old, or was not sent from a page of this server. Nothing was changed. Open the page again and submit the form once more.
error-unreadable = The form could not be read. Nothing was changed.
error-conflict = This is not possible now
error-unavailable = Please try again in a moment
error-unavailable-help = The database cannot be reached. Nothing was changed.
error-internal = Something is wrong on our side
error-internal-help = It has been noted in the server’s log.
error-back = Back to the front page

conflict-disabled = The webhook is disabled. Enable it first.
conflict-erased = What was published has been erased: there is nothing left to send.
conflict-nothing-to-test = There is no action type to test with.

span-seconds = { $count } s
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count } d

button-save = Save
button-cancel = Cancel
button-change = Change
button-delete = Delete
button-back = Back
button-copy = Copy
button-copied = Copied
answer-yes = yes
answer-no = no
column-actions = Actions
page-newest = Newest
page-newer = Newer
page-older = Older

hold = Deliveries are held: this server was restored from a backup. Notifications are accepted, and nothing is sent except tests, until the operator of the server resumes deliveries (sonnette resume).
outage = Nearly all receivers cannot be reached at the moment. This is probably an outage of this server's network or name server, so these failures count against no webhook, and deliveries are sent later.

field-error-summary = Nothing was saved. Please correct what is marked below.
field-error-required = Please fill this in.
field-error-too-long = At most { $count } characters, please.
field-error-null-characters = Null characters are not allowed.
field-error-control-characters = Control characters are not allowed.
field-error-json = This is not JSON: { $what }
field-error-time = Enter a date and time such as 2026-11-21T18:00.


# Around every page.
skip = Skip to the content
others = all organizers
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
error-not-found-why = It may never have existed, or it belongs to somebody else.
error-portal-over = Your session has ended
error-portal-over-why = Please open this page again from the platform you came from. If this appears every time, your browser does not keep our cookie: in a frame on another site, these pages need HTTPS.
error-forbidden = You may not open this page
error-forbidden-lacks = It needs the permission “{ $what }”, which you do not have.
error-forbidden-operators = It is for the operators of this server only.
error-ask = These people can give it to you:
error-ask-operator = Please ask the operator of this server.
error-stale = Please try again
error-stale-why = The form was too old, or was not sent from our page. Nothing was changed. Open the page again and send it once more.
error-unreadable = The form could not be read. Nothing was changed.
error-conflict = This is not possible now
error-unavailable = Please try again in a moment
error-unavailable-why = The database cannot be reached. Nothing was changed.
error-internal = Something is wrong on our side
error-internal-why = It has been noted in the server’s log.
error-back = Back to the front page

conflict-disabled = The webhook is disabled. Switch it on first.
conflict-erased = What was published has been erased: there is nothing left to send.
conflict-nothing-to-test = There is no action type to test with.

span-seconds = { $count } s
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count } d

registry-save = Save
registry-cancel = Cancel
registry-change = Change
registry-delete = Delete
registry-back = Back
registry-copy = Copy
registry-copied = Copied
registry-yes = yes
registry-no = no
registry-actions = Actions
registry-newest = Newest
registry-newer = Newer
registry-older = Older

fault-summary = Nothing was saved. Please correct what is marked below.
fault-required = Please fill this in.
fault-too-long = At most { $count } characters, please.
fault-null-characters = Null characters are not allowed.
fault-control-characters = Control characters are not allowed.
fault-no-json = This is not JSON: { $what }
fault-no-time = Enter a date and time such as 2026-11-21T18:00.

copy = Copy
copied = Copied
